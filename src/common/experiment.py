"""The DVC experiment that this process belongs to."""

import os
import re

from src.common.errors import PipelineError

VARIABLE = "DVC_EXP_NAME"
# A name is a folder in logs/ and, with endings such as .lock, a file of git: at most 255 bytes.
MOST_BYTES = 200
# The rules of `git check-ref-format` for one component; DVC checks the same.
REFUSED = re.compile(r"[\x00-\x20\x7f~^:?*\[\\/]|\.\.|@\{|^\.|\.$|\.lock$|^@?$")


def experiment_name() -> str | None:
    """Return the name that DVC sets in the environment; None outside of an experiment.

    Raises:
        PipelineError: no experiment can have this name.
    """
    name = os.environ.get(VARIABLE)
    if not name:
        return None
    if REFUSED.search(name) or len(os.fsencode(name)) > MOST_BYTES:
        raise PipelineError(
            f"the environment variable {VARIABLE} is {name[:100]!r}, which is no valid name of an "
            f"experiment (at most {MOST_BYTES} letters, digits, - and _); remove the variable, or "
            "give the experiment another name"
        )
    return name
