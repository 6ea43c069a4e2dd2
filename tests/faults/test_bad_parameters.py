"""Every value in ``params.yaml`` replaced by what it should not be."""

import copy
import math

import numpy as np
import pytest
import yaml

from src.common.errors import PipelineError
from src.config.params import load_params, select
from src.training.execution import choose_execution
from src.training.setup import make_trainer
from tests.conftest import ROOT
from tests.faults.conftest import ALL, few

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
PROJECT = yaml.safe_load((ROOT / "params.yaml").read_text())


def places(block, path=()):
    """The path of each scalar and list."""
    for key, value in block.items() if isinstance(block, dict) else enumerate(block):
        if isinstance(value, dict | list) and value:
            yield from places(value, (*path, key))
        else:
            yield (*path, key)


def replaced(path, value):
    content = copy.deepcopy(PROJECT)
    block = content
    for key in path[:-1]:
        block = block[key]
    block[path[-1]] = value
    return content


@pytest.fixture(scope="module")
def tiny():
    random = np.random.default_rng(1)
    return random.integers(0, 256, (12, 28, 28), np.uint8), np.arange(12, dtype=np.uint8) % 10


def works(params, name, tiny) -> None:
    """Take the first step of a recipe, as small as its other values allow."""
    recipe = params.models[name]
    if sum(recipe.model_dump().get("hidden", [])) + sum(getattr(recipe, "filters", [])) > 5000:
        return  # valid, and too large to try here
    short = {"epochs": None, "steps": 1, "batch_size": min(recipe.batch_size, 4)}
    recipe = recipe.model_copy(update=short)
    train = params.train
    try:
        execution = choose_execution(recipe, "cpu", train.compile, train.precision)
        make_trainer(recipe, tiny, tiny, 10, train.seed, execution).run()
    except PipelineError as error:
        assert "\n" not in str(error)


@pytest.mark.slow
@pytest.mark.fault(
    "Each value of `params.yaml` of a wrong type, zero, negative, huge, NaN, null, empty, a list …",
    sees="`error: params.yaml has a mistake:` with its path, what was found, and what is allowed",
    then="nothing was downloaded or trained; or the value is valid, and trains",
)
@pytest.mark.parametrize("kind", few(WRONG, 5))
def test_each_value_is_refused_or_works(tmp_path, kind, tiny):
    path, tried = tmp_path / "params.yaml", 0
    for place in places(PROJECT):
        path.write_text(yaml.safe_dump(replaced(place, WRONG[kind])))
        try:
            params = load_params(path)
        except PipelineError as error:
            assert str(error).startswith(f"{path} has ")
            assert "Traceback" not in str(error)
            tried += 1
            continue
        assert select(params)
        if place[0] == "models" and "published" not in place and (ALL or tried % 9 == 0):
            works(params, place[1], tiny)
        tried += 1
    assert tried > 80
