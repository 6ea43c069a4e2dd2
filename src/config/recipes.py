"""Reads and validates ``recipes.yaml``; all mistakes in it are reported together."""

import re
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from src.common.paths import RECIPES
from src.config.recipe import (
    FAMILIES,
    GROUPS,
    TUTORIALS,
    CnnRecipe,
    ConvnetRecipe,
    MlpRecipe,
    Recipe,
    SoftmaxRecipe,
    load_recipe,
)
from src.config.yaml_files import describe, nearest, read_yaml_file, refuse, secrets

SCHEMAS = (SoftmaxRecipe, MlpRecipe, CnnRecipe, ConvnetRecipe)
# It is part of file names, which have at most 255 characters: those of notes add about 110.
NAME = re.compile(r"[a-z][a-z0-9_]{0,99}")
LENGTHS = {"epochs", "steps"}  # a recipe has one of them


def load_recipes(path: Path = RECIPES) -> dict[str, Recipe]:
    """Return all recipes by name, in the order of the file.

    Raises:
        PipelineError: as ``load_params``.
    """
    content = read_yaml_file(path)
    mistakes, recipes, invalid = secrets(content), {}, []
    for name in content:
        found: list[str] = []
        complete = _with_inherited(name, content, found)
        try:
            recipes[name] = load_recipe(complete)
        except ValidationError as error:
            # The mistakes of the recipe that it is like are reported there.
            if not found and _parent(content[name]) not in invalid:
                found += describe(error, complete, SCHEMAS, str(name))
            invalid.append(name)
        mistakes += found + _name_mistakes(name, content[name])
    refuse(path, [*dict.fromkeys(mistakes)] or ([] if recipes else ["there is no recipe"]))
    return recipes


def tutorials(recipes: dict[str, Recipe]) -> dict[str, Recipe]:
    """The recipes of the families in the tutorials."""
    return {name: each for name, each in recipes.items() if each.family in TUTORIALS}


def _parent(block: Any) -> Any:
    return block.get("like") if isinstance(block, dict) else None


def _with_inherited(name: str, content: dict[str, Any], mistakes: list[str]) -> Any:
    """The block of a recipe, with all keys of the recipe that it is ``like``, and of the next …"""
    blocks, names = [content[name]], [name]
    while (parent := _parent(blocks[-1])) is not None:
        if parent not in [*content] or parent in names:  # it can be a list
            others = [str(each) for each in content if each not in names]
            reason = "is like itself" if parent in names else "there is no such recipe"
            mistakes.append(
                f"{names[-1]}.like: found {parent!r}: {reason}{nearest(parent, others)}"
            )
            break
        names.append(parent)
        blocks.append(content[parent])
    merged = blocks.pop()
    while blocks:
        merged = _merged(merged, blocks.pop())
    return {k: v for k, v in merged.items() if k != "like"} if isinstance(merged, dict) else merged


def _merged(inherited: Any, own: Any) -> Any:
    """Blocks are merged key by key, except that a block of another ``kind`` replaces the former."""
    if not (isinstance(inherited, dict) and isinstance(own, dict)):
        return own
    if own.get("kind", inherited.get("kind")) != inherited.get("kind"):
        return own
    if LENGTHS & own.keys():
        inherited = {key: value for key, value in inherited.items() if key not in LENGTHS}
    return inherited | {key: _merged(inherited.get(key), value) for key, value in own.items()}


def _name_mistakes(name: Any, block: Any) -> list[str]:
    if not (isinstance(name, str) and NAME.fullmatch(name)):
        rule = "a name has small letters, digits and _, at most 100, and starts with a letter"
        return [f"{name}: {rule}"]
    family = block.get("family") if isinstance(block, dict) else None
    if name in GROUPS or (name in FAMILIES and family in FAMILIES and name != family):
        what = f"all recipes of the group {name}" if name in GROUPS else f"the family {name}"
        return [f"{name}: rename this recipe; `model: {name}` selects {what}"]
    return []
