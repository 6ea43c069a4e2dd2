"""Identifies what is trained, whatever the seed: for results over several seeds."""

from typing import Any

from src.common.files import json_sha256
from src.config.recipe import load_recipe

# They choose one of many equally likely results, as the seed does, or only what is shown. The
# number of threads changes how sums are rounded; the memory, in which order images are streamed.
WITHOUT_EFFECT = {"seed", "tensorboard", "threads", "memory_limit"}
LENGTH = 12  # characters


def definition(recipe: dict[str, Any], train: dict[str, Any], digest: str) -> str:
    """The first characters of a SHA-256 of a recipe, the settings and the dataset.

    Keys of the recipe that have their default do not count: a new key, with a default that leaves
    existing recipes unchanged, changes no definition. The code does not count either.

    Args:
        recipe: as the stage ``plan`` resolved it.
        train: the settings of ``params.yaml``; those in ``WITHOUT_EFFECT`` do not count.
        digest: of the dataset, from ``dataset.json``.

    Raises:
        pydantic.ValidationError: the recipe is not valid.
    """
    content = load_recipe(recipe).model_dump(
        mode="json", exclude={"keep_epochs"}, exclude_defaults=True
    )
    settings = {key: value for key, value in train.items() if key not in WITHOUT_EFFECT}
    return json_sha256([content, settings, digest])[:LENGTH]
