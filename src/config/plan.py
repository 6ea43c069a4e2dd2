"""Which recipes are trained, and with which settings: what the stage ``plan`` writes."""

from typing import Any

from src.common.errors import PipelineError
from src.common.paths import PARAMS
from src.config.params import Params, TrainParams
from src.config.published_values import DATASET
from src.config.recipe import FAMILIES, GROUPS, Recipe
from src.config.yaml_files import nearest

REPLACED = ("epochs", "batch_size", "learning_rate")  # of a recipe, by a number in `train`


def select(model: str | list[str], recipes: dict[str, Recipe]) -> list[str]:
    """The names of the recipes that ``model`` selects, in their order in ``recipes.yaml``.

    A name that is both a family and a recipe means the family.

    Raises:
        PipelineError: a name is no recipe, family or group.
    """
    families = GROUPS | {family: (family,) for family in FAMILIES}
    choices = {
        choice: [name for name, recipe in recipes.items() if recipe.family in families[choice]]
        for choice in families
    }
    choices |= {name: [name] for name in recipes if name not in choices}
    wanted = [model] if isinstance(model, str) else model
    if unknown := [name for name in wanted if name not in choices]:
        raise PipelineError(
            f"{PARAMS}: model: found {unknown[0]!r}: there is no such recipe, family or group"
            f"{nearest(unknown[0], [*choices])}; choose from: {', '.join(choices)}"
        )
    chosen = {name for choice in wanted for name in choices[choice]}
    if not chosen:
        raise PipelineError(f"{PARAMS}: model: found {model!r}: recipes.yaml has no recipe of it")
    return [name for name in recipes if name in chosen]


def make_plans(params: Params, recipes: dict[str, Recipe]) -> dict[str, dict[str, Any]]:
    """The content of the plan of each family, JSON: all that determines its trainings.

    Raises:
        PipelineError: ``model`` has a mistake.
    """
    plans: dict[str, dict[str, Any]] = {each: {"recipes": []} for each in FAMILIES}
    for name in select(params.model, recipes):
        plan = training_plan(name, recipes[name], params)
        plans[recipes[name].family]["recipes"].append(plan)
    return plans


def training_plan(name: str, recipe: Recipe, params: Params) -> dict[str, Any]:
    """What determines the training of a recipe, in the form of JSON."""
    recipe, is_published = with_replaced(recipe, params.train), params.data.dataset == DATASET
    return {
        "name": name,
        "recipe": recipe.model_dump(exclude={"keep_epochs"}, exclude_none=True),
        "train": params.train.model_dump(exclude={"tensorboard", *REPLACED}),
        "keep_epochs": recipe.keep_epochs and is_published,
        "tensorboard": params.train.tensorboard,
    }


def with_replaced(recipe: Recipe, train: TrainParams) -> Recipe:
    """The recipe with the values that ``train`` replaces.

    ``train.epochs`` also replaces ``steps``: the training computes the number of steps.
    """
    changes: dict[str, Any] = {}
    if train.epochs != "recipe":
        changes |= {"epochs": train.epochs, "steps": None}
    if train.batch_size != "recipe":
        changes["batch_size"] = train.batch_size
    if train.learning_rate != "recipe":
        new = {"learning_rate": float(train.learning_rate)}
        changes["optimizer"] = recipe.optimizer.model_copy(update=new)
    return recipe.model_copy(update=changes)
