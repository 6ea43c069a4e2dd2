"""Each value in ``params.yaml`` is replaced by invalid and extreme values."""

import copy
import json
import math
import os
from pathlib import Path

import numpy as np
import pytest
import yaml

from src.common.errors import PipelineError
from src.config.params import load_params
from src.config.selection import select
from src.training.execution import choose_execution
from src.training.setup import make_trainer

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
PROJECT = yaml.safe_load(Path(__file__).parents[2].joinpath("params.yaml").read_text())


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


def try_training(params, name, tiny) -> None:
    """Train one step of a recipe, with a small batch."""
    recipe = params.models[name]
    if sum(recipe.model_dump().get("hidden", [])) + sum(getattr(recipe, "filters", [])) > 5000:
        return  # valid, but too large for this test
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
    "Each value of `params.yaml` is replaced: wrong type, zero, negative, huge, NaN, null, empty …",
    sees="`error: params.yaml has a mistake:` with its path, the value found, and what is valid",
    then="nothing is downloaded or trained; if the value is valid, the training works",
)
@pytest.mark.parametrize("kind", WRONG)
@pytest.mark.first_cases(5)
def test_each_value_is_refused_or_the_training_works(tmp_path, kind, tiny):
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
        if place[0] == "models" and "published" not in place and (EVERY_FAULT or tried % 9 == 0):
            try_training(params, place[1], tiny)
        tried += 1
    assert tried > 80


@pytest.mark.fault(
    "5,000 nested brackets in `params.yaml`",
    sees="from a stage: `error: params.yaml is not valid YAML: …`; from `dvc`: `maximum recursion "
    "depth exceeded`",
    then="nothing runs; `git checkout params.yaml` restores the file",
)
def test_nested_brackets_are_refused(tmp_path):
    path = tmp_path / "params.yaml"
    path.write_text("model: " + "[" * 5000 + "]" * 5000)
    with pytest.raises(PipelineError, match=r"is not valid YAML: .* nested too deeply; correct it"):
        load_params(path)


@pytest.mark.fault(
    "The name of a recipe has 250 characters",
    sees="`error: params.yaml has a mistake: models.…: String should have at most 100 characters`",
    then="nothing is downloaded or trained",
)
@pytest.mark.parametrize(("length", "valid"), [(100, True), (101, False), (250, False)])
def test_a_name_that_is_too_long_for_files_is_refused(tmp_path, length, valid):
    path, name = tmp_path / "params.yaml", "c" * length
    models = {**PROJECT["models"], name: PROJECT["models"]["cnn"]}
    path.write_text(yaml.safe_dump({**PROJECT, "models": models}))
    if valid:
        assert load_params(path).models[name]
    else:
        with pytest.raises(PipelineError, match="should have at most 100 characters"):
            load_params(path)


@pytest.mark.slow
@pytest.mark.fault(
    "A small number: `dvc exp run -S models.mlp_ema.l2=0.00001`, which DVC writes as `1e-05`",
    sees="nothing",
    then="the number is used, in whatever form DVC or the user writes it",
)
def test_dvc_writes_a_small_number(checkout, shell):
    key = "models.mlp_65x2.optimizer.learning_rate"
    shell(["dvc", "exp", "run", "-S", f"{key}=0.00001", "plan"], checkout)
    assert "learning_rate: 1e-05" in (checkout / "params.yaml").read_text()
    plan = json.loads((checkout / "data/recipes/mlp_65x2.json").read_text())
    assert plan["recipe"]["optimizer"]["learning_rate"] == 1e-05


@pytest.mark.slow
@pytest.mark.fault(
    "A recipe is renamed in `params.yaml` before `compare`",
    sees="`error: metrics/test.json has results of …, which params.yaml no longer has; run dvc "
    "repro`",
    then="`dvc repro` trains the renamed recipe and compares it",
)
@pytest.mark.make_faults
def test_a_renamed_recipe(results_there, shell):
    path = results_there / "params.yaml"
    path.write_text(path.read_text().replace("mlp_dropout", "renamed"))
    done = shell(["python", "-m", "stages.compare"], results_there, fails=True)
    assert done.stderr.startswith("error: metrics/test.json has results of mlp_dropout, which")
    assert "Traceback" not in done.stderr
    shell(["dvc", "repro", "-q"], results_there)
    assert "renamed" in (results_there / "metrics/comparison.csv").read_text()
