"""Reads YAML as DVC does: with the same library, in version 1.2.

In version 1.1, ``1e-05`` is a text; DVC writes numbers in this form.
"""

import json
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError


class InvalidYaml(ValueError):
    """The text is not YAML, or its lists and blocks are nested too deeply; one line."""


def read_yaml(text: str) -> Any:
    """Return the content of a YAML text; tags cannot create other objects than those of JSON.

    Raises:
        InvalidYaml: see there.
    """
    try:
        content = YAML(typ="safe", pure=True).load(text)
        json.dumps(content, default=str, skipkeys=True)  # fails if an alias contains itself
        return content
    except RecursionError:
        raise InvalidYaml("its brackets or blocks are nested too deeply") from None
    except (YAMLError, ValueError) as error:  # ValueError: a date such as 2020-99-99
        raise InvalidYaml(" ".join(str(error).split())) from None
