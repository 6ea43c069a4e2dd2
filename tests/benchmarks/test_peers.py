"""The programs in PyTorch and JAX; without these libraries, most tests are skipped."""

import time
from importlib import import_module
from types import SimpleNamespace

import numpy as np
import pytest

from benchmarks import epoch_process, peers
from benchmarks.peers import RECIPES, EpochProcess
from src.common.errors import PipelineError

# The digits have few steps per epoch. With these values, they are learned in few epochs by all.
FASTER = {
    "softmax": {},
    "mlp_ema": {"optimizer": {"kind": "sgd", "learning_rate": 0.1}},
    "mlp_dropout": {"weights": {"kind": "normal", "stddev": 0.05}},
    "cnn": {
        "weights": {"kind": "normal", "stddev": 0.1},
        "filters": [8, 16, 16],
        "hidden": [64],
        "optimizer": {
            "kind": "rmsprop",
            "learning_rate": 0.003,
            "initial_accumulator": 1.0,
            "epsilon": 1e-10,
        },
    },
}
EPOCHS = 20


@pytest.fixture(params=["pytorch", "jax"])
def library(request):
    for package in {"pytorch": ("torch",), "jax": ("jax", "flax", "optax")}[request.param]:
        pytest.importorskip(package, reason="needs requirements-peers.txt")
    return import_module(f"benchmarks.{request.param}_epochs")


@pytest.mark.slow
@pytest.mark.parametrize("name", RECIPES)
def test_a_peer_learns_as_our_training_does(library, change_recipe, new_trainer, splits, name):
    training, validation = splits
    length = {"epochs": EPOCHS, "steps": None, "validate_every": None}
    recipe = change_recipe(name, **FASTER[name], **length)
    program = library.Epochs(recipe, *training)
    losses = [program.train_epoch() for _ in range(EPOCHS)]
    ours = new_trainer(recipe).run().history[-1]
    assert losses[-1] < losses[0] / 2
    assert ours["val_accuracy"] > 0.8
    assert program.accuracy(*validation) == pytest.approx(ours["val_accuracy"], abs=0.1)


@pytest.mark.parametrize(
    ("names", "expected"),
    [(["slow", "fast"], ("fast", "epochs in fast")), (["slow"], (epoch_process.TOO_SLOW, None))],
)
def test_a_setting_that_takes_too_long_is_left_out(monkeypatch, names, expected):
    class Epochs(str):
        def __new__(cls, recipe, images, labels, setting):
            return super().__new__(cls, f"epochs in {setting[0]}")

        def train_epoch(self):
            time.sleep(60 * self.endswith("slow"))

    monkeypatch.setattr(epoch_process, "LIMIT", 1)  # seconds
    library = SimpleNamespace(Epochs=Epochs, settings=lambda _: [(name,) for name in names])
    assert epoch_process.fastest(library, None, np.empty(0), np.empty(0)) == expected


def test_a_process_trains_an_epoch_when_it_is_asked(write_plan, tiny_recipe, tmp_path):
    write_plan(tmp_path, "tiny", tiny_recipe)
    with EpochProcess("ours", "softmax", tmp_path / "data/processed") as process:
        assert process.setting == "cpu, xla, float32"
        losses = [process.train_epoch() for _ in range(3)]
    assert losses == sorted(losses, reverse=True)


def test_a_missing_library_is_named_with_the_command_that_installs_it(monkeypatch):
    monkeypatch.setattr(peers, "PACKAGES", ("numpy", "no_such_library"))
    expected = "needs no_such_library; run `.venv/bin/pip install -r requirements-peers.txt`"
    with pytest.raises(PipelineError, match=expected):
        next(peers.measure(1))
