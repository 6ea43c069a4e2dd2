"""Write docs/parameters.md from the schema: ``python -m benchmarks.parameters``."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from src.common.git import committed
from src.common.paths import PARAMS
from src.config.params import Params
from src.config.recipe import BaseRecipe, Recipe
from src.config.yaml_files import flat, read_yaml

PAGE = Path("docs/parameters.md")
HEAD = "\n## {}\n\n|key|valid|default|meaning|\n|---|---|---|---|"
LIMITS = {"minimum": "", "exclusiveMinimum": ">", "maximum": "", "exclusiveMaximum": "<"}
INTRODUCTION = """\
# All parameters

Look up each key of `params.yaml` and `recipes.yaml`; [experiments.md](experiments.md) shows how to
change one. A key of a recipe without a default is required.
`python -m benchmarks.parameters` writes this page.
"""


def page() -> str:
    """The page, in Markdown. The defaults of ``params.yaml`` are those of the last commit."""
    recipes, common = TypeAdapter(Recipe).json_schema(), BaseRecipe.model_json_schema()
    params = Params.model_json_schema() | {"defaults": dict(flat(read_yaml(committed(PARAMS))))}
    lines = [INTRODUCTION + HEAD.format("params.yaml"), *_rows(params)]
    lines += [HEAD.format("recipes.yaml, all families"), *_rows(common)]
    for family in _types(recipes, recipes)[1:]:  # softmax has no others
        own = {k: v for k, v in family["properties"].items() if k not in common["properties"]}
        lines.append(HEAD.format(f"recipes.yaml, {family['properties']['family']['const']}"))
        lines += _rows(recipes | {"properties": own})
    return "\n".join(lines) + "\n"


def _rows(schema: dict[str, Any], prefix: str = "") -> Iterator[str]:
    """A row for each key, followed by those of the blocks in it."""
    for key, field in schema["properties"].items():
        name, types = prefix + key, _types(field, schema)
        default = schema.get("defaults", {}).get(name, field.get("default", ""))
        shown = "" if isinstance(default, dict) else json.dumps(default).replace('"', "")
        blocks = [block for each in types for block in _types(each.get("items", each), schema)]
        blocks = [block for block in blocks if "properties" in block and key != "bias"]
        about = schema if key == "kind" else blocks[0] if len(blocks) == 1 else {}
        meaning = field.get("description") or about.get("description", "")
        valid = " or ".join(dict.fromkeys(map(_valid, types)))
        yield f"|`{name}`|{valid}|{shown}|{meaning}|".replace("``", "`")
        for block in blocks:
            yield from _rows(schema | block, f"{name}.")


def _types(field: dict[str, Any], schema: dict[str, Any]) -> list[dict[str, Any]]:
    """The types that a field can have."""
    if "$ref" in field:
        return [schema["$defs"][field["$ref"].split("/")[-1]]]
    parts = field.get("anyOf") or field.get("oneOf") or []
    return [each for part in parts for each in _types(part, schema)] or [field]


def _valid(each: dict[str, Any]) -> str:
    """The valid values of a type."""
    if choices := each.get("enum", [each["const"]] if "const" in each else []):
        return ", ".join(choices)
    if "items" in each:
        return f"list of {_valid(each['items'])}"
    limits = "…".join(f"{sign}{each[key]:,}" for key, sign in LIMITS.items() if key in each)
    return f"{each.get('type', 'block')} {limits}".strip().replace("object", "block")


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
