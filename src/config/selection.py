"""Which recipes ``model`` in ``params.yaml`` selects."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from src.config.recipe import FAMILIES, GROUPS
from src.config.validation_errors import nearest

if TYPE_CHECKING:
    from src.config.params import Params


def select(params: "Params") -> list[str]:
    """The names of the recipes that ``model`` selects, in their order in ``params.yaml``.

    A name that is both a family and a recipe means the family. An ensemble selects its members.
    """
    wanted = {params.model} if isinstance(params.model, str) else set(params.model)
    families = {family for name in wanted for family in GROUPS.get(name, (name,))} & {*FAMILIES}
    recipes, names = params.recipes(), wanted - families
    chosen = {name for name in recipes if recipes[name].family in families or name in names}
    members = {
        name for each in chosen & {*params.ensembles} for name in params.ensembles[each].members
    }
    return [name for name in recipes if name in chosen | members]


def selection_mistakes(content: Any) -> list[str]:
    """Mistakes in ``model``, in the names of recipes, and in the members of ensembles.

    They are not part of pydantic's schema.
    """
    if not isinstance(content, dict):
        return []
    models, ensembles = content.get("models"), content.get("ensembles")
    if not isinstance(models, dict) or not isinstance(ensembles, dict):
        return []
    return [
        *_name_mistakes(models, ensembles),
        *_model_mistakes(content.get("model"), valid_names(_families(models), ensembles)),
        *_member_mistakes(models, ensembles),
    ]


def valid_names(families: Mapping[str, str | None], ensembles: Mapping[str, Any]) -> list[str]:
    """What ``model`` can be; ``families`` are those of the recipes."""
    last = ["ensemble", *ensembles] if ensembles else []
    names = dict.fromkeys([*GROUPS, *families.values(), *families, *last])
    return [name for name in names if name]


def _families(models: dict[str, Any]) -> dict[str, str | None]:
    return {name: _family(recipe) for name, recipe in models.items()}


def _family(recipe: Any) -> str | None:
    family = recipe.get("family") if isinstance(recipe, dict) else None
    return family if isinstance(family, str) else None


def _name_mistakes(models: dict[str, Any], ensembles: dict[str, Any]) -> list[str]:
    """Names of recipes that mean something else in ``model``."""
    named = [("models", name, family) for name, family in _families(models).items()]
    named += [("ensembles", name, "ensemble") for name in ensembles]
    mistakes = [
        f"{block}.{name}: rename this recipe; `model: {name}` selects "
        + (f"the family {name}" if name in FAMILIES else f"all recipes of the group {name}")
        for block, name, family in named
        if name in GROUPS or (name in FAMILIES and family in FAMILIES and name != family)
    ]
    both = models.keys() & ensembles.keys()
    return mistakes + [f"ensembles.{name}: rename it; a recipe has this name" for name in both]


def _model_mistakes(wanted: Any, valid: list[str]) -> list[str]:
    expected = f"Input should be {', '.join(valid)}, or a list of these"
    return [
        f"model: found {name!r}: {expected}{nearest(name, valid)}"
        for name in (wanted if isinstance(wanted, list) else [wanted])
        if isinstance(name, str) and name not in valid
    ] + ([f"model: found []: {expected}"] if wanted == [] else [])


def _member_mistakes(models: dict[str, Any], ensembles: dict[str, Any]) -> list[str]:
    members = {
        name: ensemble.get("members") if isinstance(ensemble, dict) else None
        for name, ensemble in ensembles.items()
    }
    return [
        f"ensembles.{name}.members: found {member!r}: Input should be a recipe of the block models"
        f"{nearest(member, [*models])}"
        for name, names in members.items()
        if isinstance(names, list)
        for member in names
        if isinstance(member, str) and member not in models
    ]
