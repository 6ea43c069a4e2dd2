"""Each value in the YAML files is replaced by invalid and extreme values."""

import copy
import math
from pathlib import Path

import pytest
import yaml

from src.common.errors import PipelineError
from src.config.params import load_params
from src.config.plan import make_plans
from src.config.published_values import load_published
from src.config.recipes import load_recipes
from tests.fixtures.training import RECIPES

WRONG = {
    "list": [1, 2],
    "text": "twelve",
    "zero": 0,
    "negative": -1,
    "huge": 10**18,
    "fraction": 0.37,
    "nan": math.nan,
    "null": None,
    "true": True,
    "block": {"a": 1},
}
ONE_OF_EACH_FAMILY = ("softmax_normal", "mlp_ema", "cnn", "lenet5")
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


@pytest.mark.parametrize("load", [load_params, load_recipes, load_published])
@pytest.mark.parametrize("kind", WRONG)
def test_a_value_is_valid_or_refused_with_a_sentence(tmp_path, kind, load):
    name = load.__defaults__[0]
    path, project = tmp_path / name, yaml.safe_load((ROOT / name).read_text())
    if load == load_recipes:
        project = {recipe: project[recipe] for recipe in ONE_OF_EACH_FAMILY}
    if load == load_published:
        project = {"mlp_dropout": project["mlp_dropout"]}
    messages = []
    for place in places(project):
        path.write_text(yaml.safe_dump(replaced(project, place, WRONG[kind])))
        try:
            loaded = load(path)
            if load == load_params:
                make_plans(loaded, RECIPES)
        except PipelineError as error:
            messages.append(str(error))
    assert len(messages) > 1
    for message in messages:
        assert message.startswith((f"{path} has ", "params.yaml: model: found "))
