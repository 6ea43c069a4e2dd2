"""Reads the three YAML files of the user, and reports all mistakes in a file together."""

import difflib
import re
from collections.abc import Sequence
from pathlib import Path
from reprlib import repr as short_repr
from typing import Any

from pydantic import BaseModel, ValidationError

from src.common.errors import PipelineError
from src.common.messages import without_secrets, without_users
from src.common.yaml_text import InvalidYaml, read_yaml


def read_yaml_file(path: Path) -> dict[str, Any]:
    """Return the content of a file: a block of keys.

    Raises:
        PipelineError: the file is missing, is not YAML, or is not a block of keys.
    """
    try:
        content = read_yaml(path.read_text("utf-8"))
    except FileNotFoundError:
        raise PipelineError(f"{path} is missing; restore it with `git checkout {path}`") from None
    except (InvalidYaml, UnicodeDecodeError) as error:
        raise PipelineError(f"{path} is not valid YAML: {error}; correct it") from None
    if not isinstance(content, dict):
        raise PipelineError(
            f"{path} should contain keys with values; restore it with `git checkout {path}`"
        )
    return content


def refuse(path: Path, mistakes: list[str]) -> None:
    """Report mistakes, each one line: its path in the file, the value found, and what is valid.

    Raises:
        PipelineError: there are any.
    """
    if mistakes:
        count = "a mistake" if len(mistakes) == 1 else f"{len(mistakes)} mistakes"
        raise PipelineError(f"{path} has {count}:\n" + "\n".join(f"  {each}" for each in mistakes))


def secrets(content: Any, path: str = "") -> list[str]:
    """A mistake for each address with a password: DVC and MLflow store and show all parameters."""
    if isinstance(content, dict):
        parts = [(f"{path}.{key}".removeprefix("."), value) for key, value in content.items()]
    elif isinstance(content, list):
        parts = [(f"{path}[{index}]", value) for index, value in enumerate(content)]
    else:
        is_address = isinstance(content, str) and "://" in content
        has_secret = is_address and without_users(content) != content
        advice = "remove it; user name and password belong in ~/.netrc, or in the file that the "
        advice += "environment variable NETRC names"
        return [f"{path}: the address has a user name, password or query: {advice}"] * has_secret
    return [mistake for part, value in parts for mistake in secrets(value, part)]


def nearest(found: Any, valid: Sequence[str]) -> str:
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


def _hint(error: Any, schemas: Sequence[type[BaseModel]]) -> str:
    context = error.get("ctx", {})
    match error["type"]:
        case "extra_forbidden":
            return nearest(error["loc"][-1], [key for each in schemas for key in _keys(each)])
        case "literal_error":
            return nearest(error["input"], re.findall("'(.*?)'", context["expected"]))
        case "union_tag_invalid":
            return nearest(context["tag"], re.findall("'(.*?)'", context["expected_tags"]))
    return ""


def _keys(schema: type[BaseModel]) -> list[str]:
    """The keys of a schema and of all blocks in it."""
    blocks = schema.model_json_schema()
    parts = [blocks, *blocks.get("$defs", {}).values()]
    return [key for part in parts for key in part.get("properties", ())]
