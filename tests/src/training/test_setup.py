"""A training is prepared as its plan describes it."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from src.common.errors import PipelineError
from src.config.recipe import load_recipe
from src.models.artifacts import weights_sha256
from src.models.record import Environment, RunConfig
from src.training import setup
from src.training.distributed import SINGLE_WORKER
from src.training.setup import make_trainer, prepare

MEASURED = """
import re, sys
import numpy as np
from src.config.recipes import load_recipes
from src.training.execution import Execution
from src.training.setup import make_trainer, memory_of_step

name, side, batch = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
recipe = load_recipes()[name].model_copy(update={"epochs": None, "steps": 1})
images = np.zeros((batch, side, side), np.uint8)
split = images, (np.arange(batch) % 10).astype(np.uint8)
trainer = make_trainer(recipe, split, split, 10, 1, Execution("cpu", "graph", "float32"))
trainer.run()
needed = memory_of_step(trainer, batch) + 2 * images.nbytes
# Not `ru_maxrss`: it starts with the memory of the process that started this one.
peak = re.search(r"VmHWM:\\s+(\\d+)", open("/proc/self/status").read())[1]
print(int(peak) * 1024 / needed)
"""

ROOT = Path(__file__).parents[3]


@pytest.fixture
def prepare_tiny(tmp_path, write_plan, tiny_recipe):
    def prepare_with(**settings):
        plan = write_plan(tmp_path, "tiny", tiny_recipe, **settings)
        return prepare(plan, tmp_path / "data/processed", tmp_path / "checkpoints", SINGLE_WORKER)

    return prepare_with


def test_the_run_config_is_complete(prepare_tiny, capsys):
    job = prepare_tiny()
    assert job.run_config.keys() == RunConfig.__required_keys__
    assert job.environment.keys() == Environment.__required_keys__
    assert job.run_config["parameters"] == 7850
    assert job.run_config["dataset"]["counts"]["train"] == 1237
    expected = "tiny: 1,237 images of digits; cpu, all images in memory, xla, float32\n"
    assert capsys.readouterr().out == expected


def test_a_small_memory_limit_streams_the_images(prepare_tiny, capsys, monkeypatch):
    monkeypatch.setattr(setup, "BASE_BYTES", -(10**9))
    job = prepare_tiny(memory_limit=0.003)
    assert job.environment["buffer_size"] == job.trainer.execution.buffer_size == 200
    assert "cpu, 200 images in memory" in capsys.readouterr().out
    assert job.trainer.run().history[-1]["epoch"] == 2


@pytest.mark.slow
@pytest.mark.parametrize(("name", "side", "batch"), [("cnn", 110, 128), ("mlp_dropout", 200, 128)])
def test_the_estimate_is_near_the_memory_that_a_training_needs(name, side, batch, shell):
    done = shell(["python", "-c", MEASURED, name, str(side), str(batch)], ROOT)
    assert 0.5 < float(done.stdout) < 1.05


@pytest.mark.parametrize("limit", [1.5, "auto"])
def test_a_recipe_that_needs_more_memory_than_there_is_is_refused(prepare_tiny, monkeypatch, limit):
    monkeypatch.setattr(setup, "device_memory", lambda device: 1e9 if limit == "auto" else 9e9)
    monkeypatch.setattr(setup, "BASE_BYTES", 2 * 10**9)
    source = "this machine has 1.0" if limit == "auto" else "train.memory_limit is 1.5"
    message = f"tiny needs about 2.0 GB of memory, but {source} GB; decrease its batch_size"
    with pytest.raises(PipelineError, match=message):
        prepare_tiny(memory_limit=limit)


def test_a_split_smaller_than_a_batch_is_the_batch(splits, graph, tiny_recipe):
    images, labels = splits[0]
    few, recipe = (images[:30], labels[:30]), load_recipe(tiny_recipe)
    training = make_trainer(recipe, few, splits[1], 10, 1, graph).run()
    assert [row["step"] for row in training.history] == [1, 2]


def test_weights_depend_on_the_seed_and_the_buffer_size_only(splits, graph, tiny_recipe):
    recipe, streamed = load_recipe(tiny_recipe), replace(graph, buffer_size=200)
    cases = [(1, graph), (1, graph), (2, graph), (1, streamed)]
    models = [
        make_trainer(recipe, *splits, 10, seed, execution).run().model for seed, execution in cases
    ]
    first, same, *others = map(weights_sha256, models)
    assert first == same
    assert first not in others
    assert all(np.isfinite(weights).all() for weights in models[-1].get_weights())
