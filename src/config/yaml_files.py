"""Reads the YAML files of the user, reports all mistakes in one together, and lists changes."""

import difflib
import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import yaml
from pydantic import TypeAdapter, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from src.common.errors import PipelineError
from src.common.git import committed
from src.common.messages import without_secrets

LONGEST_VALUE = 60  # characters that a message shows


def read_yaml(text: str) -> Any:
    """Return the content of a YAML text, read as DVC does: in version 1.2.

    In version 1.1, ``1e-05`` is a text; DVC writes numbers in this form. Tags cannot create other
    objects than those of JSON.

    Raises:
        ValueError: the text is not YAML, or is nested too deeply; the message has one line.
    """
    try:
        content = YAML(typ="safe", pure=True).load(text)
        json.dumps(content, default=str, skipkeys=True)  # fails if an alias contains itself
        return content
    except RecursionError:
        raise ValueError("its brackets or blocks are nested too deeply") from None
    except (YAMLError, ValueError) as error:  # ValueError: a date such as 2020-99-99
        raise ValueError(" ".join(str(error).split())) from None


def read_yaml_file(path: Path) -> dict[str, Any]:
    """Return the content of a file: a block of keys.

    Raises:
        PipelineError: the file is missing, is not YAML, or is not a block of keys.
    """
    try:
        content = read_yaml(path.read_text("utf-8"))
    except FileNotFoundError:
        raise PipelineError(f"{path} is missing; restore it with `git checkout {path}`") from None
    except ValueError as error:
        raise PipelineError(f"{path} is not valid YAML: {error}; correct it") from None
    if not isinstance(content, dict):
        raise PipelineError(
            f"{path} should contain keys with values; restore it with `git checkout {path}`"
        )
    return content


def validate(schema: Any, content: Any, mistakes: list[str], prefix: str = "") -> Any:
    """Return the content in the form of a schema, or None after adding its mistakes to the list.

    A mistake is one line: its path, the value found, and what is valid.

    Args:
        schema: a type that pydantic knows.
        prefix: the path of the content in its file.
    """
    try:
        return TypeAdapter(schema).validate_python(content)
    except ValidationError as error:
        mistakes += _describe(error, content, schema, prefix)
    return None


def refuse(path: Path, mistakes: list[str]) -> None:
    """Report the mistakes in a file.

    Raises:
        PipelineError: there are any.
    """
    if mistakes:
        count = "a mistake" if len(mistakes) == 1 else f"{len(mistakes)} mistakes"
        raise PipelineError(f"{path} has {count}:\n" + "\n".join(f"  {each}" for each in mistakes))


def nearest(found: Any, valid: Sequence[str]) -> str:
    """Return a hint with the valid name that is most similar to ``found``, or an empty string."""
    close = difflib.get_close_matches(str(found), valid, n=1, cutoff=0.6)
    return f" (did you mean {close[0]!r}?)" if close else ""


def _describe(error: ValidationError, content: Any, schema: Any, prefix: str) -> list[str]:
    lines: dict[str, str] = {}
    for each in error.errors():
        kind, found = each["type"], each["input"]
        path = f"{prefix}.{_path(each['loc'], content, kind == 'missing')}".strip(".")
        message = "unknown key" if kind == "extra_forbidden" else each["msg"]
        message += _hint(each, schema)
        if path in lines:  # pydantic reports one error for each member of a union
            lines[path] += f", or: {message}"
        elif kind == "extra_forbidden" or isinstance(found, dict):
            lines[path] = f"{path}: {message}"
        else:
            lines[path] = f"{path}: found {_shown(found)}: {message}".removeprefix(": ")
    # For a list, pydantic also says that it is not one of the scalars that are valid there.
    return [
        line for path, line in lines.items() if not any(p.startswith(f"{path}[") for p in lines)
    ]


def _shown(found: Any) -> str:
    """The value without secrets, then shortened: a shortened address may hide that it has one."""
    text = without_secrets(repr(found))
    return text if len(text) <= LONGEST_VALUE else f"{text[: LONGEST_VALUE - 1]}…"


def _path(location: Sequence[int | str], content: Any, missing: bool) -> str:
    """The path of keys in the file. A location also has the names of union members."""
    path = ""
    for index, part in enumerate(location):
        keys = range(len(content)) if isinstance(content, list) else content
        found = isinstance(content, dict | list) and part in keys
        if found:
            content = content[part]
        if found or (missing and index == len(location) - 1):
            path += f"[{part}]" if isinstance(part, int) else f".{part}"
    return path.removeprefix(".")


def _hint(error: Any, schema: Any) -> str:
    context = error.get("ctx", {})
    if error["type"] == "extra_forbidden":  # the keys of the schema and of all blocks in it
        blocks = TypeAdapter(schema).json_schema()
        parts = [blocks, *blocks.get("$defs", {}).values()]
        return nearest(error["loc"][-1], [key for p in parts for key in p.get("properties", ())])
    valid = context.get("expected") or context.get("expected_tags") or ""
    return nearest(context.get("tag", error["input"]), re.findall("'(.*?)'", valid))


def changes_of(path: Path, prefix: str = "", revision: str | None = None) -> list[str]:
    """The changes of a YAML file since the last commit, as arguments for ``dvc exp run -S``.

    Args:
        prefix: of the key: the file, unless it is ``params.yaml``.
        revision: whose file is compared with that of the commit; None for the present one.
    """
    try:
        old = read_yaml(committed(path))
        new = read_yaml(committed(path, revision) if revision else path.read_text("utf-8"))
        before, after = dict(flat(old or new)), dict(flat(new))
    except (OSError, ValueError, AttributeError):
        return []  # AttributeError: no block of keys
    changes = [f"{prefix}~{key}" for key in before if key not in after]  # Hydra's syntax
    for key, value in after.items():
        if key not in before or before[key] != value:
            text = yaml.safe_dump(value, default_flow_style=True, allow_unicode=True, width=10**6)
            line = text.split("\n")[0]
            changes.append(f"{prefix}{'' if key in before else '+'}{key}={line}")
    return [without_secrets(change) for change in changes]


def flat(block: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Nested settings as pairs of a dotted name, such as ``optimizer.kind``, and a value."""
    for key, value in block.items():
        if isinstance(value, dict) and value:
            yield from flat(value, f"{prefix}{key}.")
        else:
            yield prefix + str(key), value
