"""Converts pydantic's validation errors to lines about keys of a YAML file."""

import difflib
import re
from collections.abc import Sequence
from reprlib import repr as short_repr
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from src.common.messages import without_secrets

Location = tuple[int | str, ...]


def nearest(found: Any, valid: list[str]) -> str:
    """Return a hint with the valid name that is most similar to ``found``, or an empty string."""
    close = difflib.get_close_matches(str(found), valid, n=1, cutoff=0.6)
    return f" (did you mean {close[0]!r}?)" if close else ""


def describe(
    error: ValidationError, content: Any, schemas: Sequence[type[BaseModel]], prefix: str = ""
) -> list[str]:
    """Return one line per mistake in ``content``: its path, the value found, and the message.

    ``schemas`` are those that the content may have; ``prefix`` is the path of the content.
    """
    lines: dict[str, str] = {}
    for each in error.errors():
        kind, found = each["type"], each["input"]
        path = _path(each["loc"], content, missing=kind == "missing")
        path = f"{prefix}.{path}".strip(".")
        message = "unknown key" if kind == "extra_forbidden" else each["msg"]
        message += _hint(each, schemas)
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
    if isinstance(found, str):
        return short_repr(without_secrets(found))
    return "[…]" if isinstance(found, list) and "://" in str(found) else short_repr(found)


def _path(location: Location, content: Any, missing: bool) -> str:
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


def _hint(error: Any, schemas: Sequence[type[BaseModel]]) -> str:
    found, context = error["input"], error.get("ctx", {})
    match error["type"]:
        case "extra_forbidden":
            return nearest(error["loc"][-1], _valid_keys(error["loc"], schemas))
        case "literal_error":
            return nearest(found, re.findall("'(.*?)'", context["expected"]))
        case "union_tag_invalid":
            return nearest(context["tag"], re.findall("'(.*?)'", context["expected_tags"]))
    return ""


def _valid_keys(location: Location, schemas: Sequence[type[BaseModel]]) -> list[str]:
    """The valid keys of the block that contains the unknown key at ``location``."""
    blocks = list(schemas)
    for part in location[:-1]:
        fields = [block.model_fields for block in blocks]
        inner = [b for each in fields if part in each for b in _blocks(each[part].annotation)]
        tagged = [
            block
            for block in blocks
            if any(part in get_args(field.annotation) for field in block.model_fields.values())
        ]
        blocks = inner or tagged or blocks
    return list(dict.fromkeys(key for block in blocks for key in block.model_fields))


def _blocks(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [block for part in get_args(annotation) for block in _blocks(part)]
