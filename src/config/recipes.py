"""Reads and validates ``recipes.yaml``; all mistakes in it are reported together."""

import re
from pathlib import Path
from typing import Any

from src.common.paths import RECIPES
from src.config.recipe import FAMILIES, GROUPS, TUTORIALS, Recipe
from src.config.yaml_files import nearest, read_yaml_file, refuse, validate

# It is part of file names, which have at most 255 characters.
NAME = re.compile(r"[a-z][a-z0-9_]{0,99}")
LENGTHS = {"epochs", "steps"}  # a recipe has one of them


def load_recipes(path: Path = RECIPES) -> dict[str, Recipe]:
    """Return all recipes by name, in the order of the file.

    Raises:
        PipelineError: as ``load_params``.
    """
    content, recipes, mistakes, invalid = read_yaml_file(path), {}, [], []
    for name in content:
        lines: list[str] = []
        complete = _with_inherited(name, content, lines)
        if not lines:
            recipes[name] = validate(Recipe, complete, lines, str(name))
        if lines:
            # The mistakes of the recipe that it is like are reported there.
            mistakes += [] if _parent(content[name]) in invalid else lines
            invalid.append(name)
        mistakes += _name_mistakes(name, content[name])
    refuse(path, [*dict.fromkeys(mistakes)] or ([] if recipes else ["there is no recipe"]))
    return recipes


def tutorials(recipes: dict[str, Recipe]) -> dict[str, Recipe]:
    """The recipes of the families in the tutorials."""
    return {name: each for name, each in recipes.items() if each.family in TUTORIALS}


def _parent(block: Any) -> Any:
    return block.get("like") if isinstance(block, dict) else None


def _with_inherited(
    name: str, content: dict[str, Any], mistakes: list[str], children: tuple[str, ...] = ()
) -> Any:
    """The block of a recipe, with all keys of the recipe that it is ``like``, and of the next …"""
    block, parent, names = content[name], _parent(content[name]), (*children, name)
    own = {k: v for k, v in block.items() if k != "like"} if isinstance(block, dict) else block
    if parent is None:
        return own
    if parent in names or parent not in [*content]:  # it can be a list
        reason = "is like itself" if parent in names else "there is no such recipe"
        hint = nearest(parent, [str(each) for each in content if each not in names])
        mistakes.append(f"{name}.like: found {parent!r}: {reason}{hint}")
        return None
    return _merged(_with_inherited(parent, content, mistakes, names), own)


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
