"""Each value in the YAML files is replaced by invalid and extreme values."""

import copy
import math
import os
from pathlib import Path

import numpy as np
import pytest
import yaml

from src.common.errors import PipelineError
from src.config.params import load_params
from src.config.plan import make_plans
from src.config.published_values import load_published
from src.config.recipes import load_recipes
from src.training.execution import choose_execution
from src.training.setup import make_trainer
from tests.fixtures.training import RECIPES

EVERY_FAULT = os.environ.get("FAULTS") == "all"
WRONG = {
    "list": [1, 2],
    "text": "twelve",
    "zero": 0,
    "negative": -1,
    "huge": 10**18,
    "fraction": 0.37,
    "nan": math.nan,
    "infinite": math.inf,
    "null": None,
    "empty": "",
    "true": True,
    "block": {"a": 1},
}
ROOT = Path(__file__).parents[2]


def places(block, path=()):
    """The path of each scalar and list."""
    for key, value in block.items() if isinstance(block, dict) else enumerate(block):
        if isinstance(value, dict | list) and value:
            yield from places(value, (*path, key))
        else:
            yield (*path, key)


def replaced(content, path, value):
    block = content = copy.deepcopy(content)
    for key in path[:-1]:
        block = block[key]
    block[path[-1]] = value
    return content


@pytest.fixture(scope="module")
def tiny():
    random = np.random.default_rng(1)
    return random.integers(0, 256, (12, 28, 28), np.uint8), np.arange(12, dtype=np.uint8) % 10


def try_training(recipe, tiny) -> None:
    """Train one step of a recipe, with a small batch."""
    if sum(recipe.model_dump().get("hidden", [])) + sum(getattr(recipe, "filters", [])) > 5000:
        return  # valid, but too large for this test
    short = {"epochs": None, "steps": 1, "batch_size": min(recipe.batch_size, 4)}
    recipe = recipe.model_copy(update=short)
    try:
        execution = choose_execution(recipe, "cpu", "auto", "auto")
        make_trainer(recipe, tiny, tiny, 10, 1, execution).run()
    except PipelineError as error:
        assert "\n" not in str(error)


@pytest.mark.slow
@pytest.mark.fault(
    "Each value of `params.yaml`, `recipes.yaml` and `published.yaml` is replaced: wrong type, "
    "zero, negative, huge, NaN, null, empty …",
    sees="`error: params.yaml has a mistake:` with its path, the value found, and what is valid",
    then="nothing is downloaded or trained; if the value is valid, the training works",
)
@pytest.mark.parametrize("load", [load_params, load_recipes, load_published])
@pytest.mark.parametrize("kind", WRONG)
@pytest.mark.first_cases(6)
def test_each_value_is_refused_or_the_training_works(tmp_path, kind, load, tiny):
    name = load.__defaults__[0]
    path, project = tmp_path / name, yaml.safe_load((ROOT / name).read_text())
    for tried, place in enumerate(places(project)):
        path.write_text(yaml.safe_dump(replaced(project, place, WRONG[kind])))
        try:
            loaded = load(path)
            if load == load_params:
                make_plans(loaded, RECIPES)
        except PipelineError as error:
            assert str(error).startswith((f"{path} has ", "params.yaml: model: found "))
            continue
        if load == load_recipes and (EVERY_FAULT or tried % 9 == 0):
            try_training(loaded[place[0]], tiny)
    assert tried > 20
