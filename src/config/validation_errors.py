"""What pydantic found wrong, said in the words of ``params.yaml``."""

import difflib
from typing import Any, get_args

from pydantic import BaseModel, ValidationError


def nearest(found: Any, allowed: list[str]) -> str:
    """A hint at the valid name that comes closest, or nothing."""
    close = difflib.get_close_matches(str(found), allowed, n=1, cutoff=0.5)
    return f" (did you mean {close[0]!r}?)" if close else ""


def describe(error: ValidationError, content: Any, schema: type[BaseModel]) -> list[str]:
    """A line for each mistake; the several that a union of types reports for one are joined."""
    lines: dict[str, str] = {}
    for each in error.errors():
        path = _path_in_file(each["loc"], content, missing=each["type"] == "missing")
        explanation = _explain(each, schema)
        if path in lines:
            lines[path] += f", or {explanation.partition('allowed: ')[2]}"
        else:
            lines[path] = f"{path}: {explanation}" if path else explanation
    return [
        line for path, line in lines.items() if not any(p.startswith(f"{path}[") for p in lines)
    ]


def _path_in_file(location: tuple[int | str, ...], content: Any, missing: bool) -> str:
    """The path of keys, without the names of the alternatives that pydantic tried."""
    parts: list[str] = []
    for index, part in enumerate(location):
        found = isinstance(content, dict | list) and (
            part in content if isinstance(content, dict) else part in range(len(content))
        )
        if found:
            content = content[part]
        if found or (missing and index == len(location) - 1):
            parts.append(f"[{part}]" if isinstance(part, int) else f".{part}")
    return "".join(parts).removeprefix(".")


def _explain(each: Any, schema: type[BaseModel]) -> str:
    kind, found, limits = each["type"], each["input"], each.get("ctx", {})
    key = str(each["loc"][-1]) if each["loc"] else ""
    if kind == "extra_forbidden":
        allowed = _allowed_keys(each["loc"], schema)
        return f"unknown key; allowed here: {', '.join(allowed)}{nearest(key, allowed)}"
    if kind == "missing":
        return "missing; this key must be given"
    if kind == "union_tag_not_found":
        return f"the key {limits['discriminator']} must say what this is"
    if kind in ("literal_error", "union_tag_invalid"):
        allowed = limits.get("expected") or limits["expected_tags"]
        names = [name.strip(" '") for name in allowed.replace(" or ", ", ").split(",")]
        if kind == "union_tag_invalid":
            found = f"{limits['discriminator'].strip(chr(39))}: {limits['tag']}"
            close = nearest(limits["tag"], names)
        else:
            close = nearest(found, names)
        return f"found {found!r}; allowed: {', '.join(names)}{close}"
    if kind in ("model_type", "dict_type", "model_attributes_type"):
        return f"found {_short(found)}; allowed: a block of keys"
    if kind == "string_pattern_mismatch":
        return f"found {found!r}; it must match {limits['pattern']}"
    if kind in ("length", "published_epochs"):
        return each["msg"]
    allowed = each["msg"].removeprefix("Input should be ").removesuffix(", got a number with")
    hint = ""
    if isinstance(found, str) and _is_number(found):
        hint = f" (YAML reads {found} as text: write {float(found)})"
    return f"found {_short(found)}; allowed: {allowed}{hint}"


def _short(found: Any) -> str:
    text = repr(found)
    return text if len(text) <= 60 else text[:57] + "..."


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _allowed_keys(location: tuple[int | str, ...], schema: type[BaseModel]) -> list[str]:
    """The keys of the block that holds the unknown key at ``location``."""
    blocks = [schema]
    for part in location[:-1]:
        tagged = [block for block in blocks if part in _tags(block)]
        inner = [
            found
            for block in blocks
            if part in block.model_fields
            for found in _blocks_in(block.model_fields[part].annotation)
        ]
        blocks = inner or tagged or blocks
    return list(dict.fromkeys(key for block in blocks for key in block.model_fields))


def _tags(block: type[BaseModel]) -> set[str]:
    return {
        tag
        for field in ("kind", "family", "metric")
        if field in block.model_fields
        for tag in get_args(block.model_fields[field].annotation)
    }


def _blocks_in(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [block for part in get_args(annotation) for block in _blocks_in(part)]
