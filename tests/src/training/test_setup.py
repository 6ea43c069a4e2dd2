"""A training is prepared as its plan describes it."""

import pytest

from src.common.errors import PipelineError
from src.models.record import Environment, RunConfig
from src.training import memory, setup
from src.training.distributed import SINGLE_WORKER
from src.training.setup import prepare


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
    monkeypatch.setattr(memory, "BASE_BYTES", -(10**9))
    job = prepare_tiny(memory_limit=0.003)
    assert job.environment["buffer_size"] == job.trainer.execution.buffer_size == 200
    assert "cpu, 200 images in memory" in capsys.readouterr().out
    assert job.trainer.run().history[-1]["epoch"] == 2


def test_class_weights_change_the_training_loss_only(prepare_tiny):
    rows = [
        prepare_tiny(class_weights=each).trainer.run().history[0] for each in ("none", "balanced")
    ]
    assert rows[0]["loss"] != rows[1]["loss"]


@pytest.mark.parametrize("limit", [1.5, "auto"])
def test_a_recipe_that_needs_more_memory_than_there_is_is_refused(prepare_tiny, monkeypatch, limit):
    if limit == "auto":
        monkeypatch.setattr(setup, "usable_memory", lambda limit, device: 1.5e9)
    monkeypatch.setattr(memory, "BASE_BYTES", 2 * 10**9)
    message = r"tiny needs about 2\.0 GB of memory, but train\.memory_limit is 1\.5 GB; decrease"
    with pytest.raises(PipelineError, match=message):
        prepare_tiny(memory_limit=limit)
