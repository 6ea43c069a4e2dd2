from pathlib import Path

import keras
import pytest

from benchmarks.keras_fit import KerasFit
from benchmarks.target import PARTS, StopAtAccuracy, other_seconds, time_to_accuracy
from src.config.recipes import load_recipes

RECIPE = load_recipes(Path(__file__).parents[2] / "recipes.yaml")["mlp_65x2"]


@pytest.mark.parametrize(("accuracy", "calls"), [(0.0, 1), (1.1, RECIPE.epochs * PARTS)])
def test_a_program_stops_at_the_accuracy_or_after_the_last_epoch(
    digits, monkeypatch, accuracy, calls
):
    program, trained = KerasFit(RECIPE, *digits), []
    monkeypatch.setattr(program, "train", trained.append)
    other_seconds(program, RECIPE.epochs, 1437, digits, accuracy)
    assert len(trained) == calls


def test_our_training_stops_at_the_accuracy():
    callback = StopAtAccuracy(0.5)
    callback.set_model(keras.Sequential())
    for epoch, accuracy in enumerate((0.4, 0.6)):
        callback.on_epoch_end(epoch, {"val_accuracy": accuracy})
        assert callback.model.stop_training == (accuracy > 0.5)


def test_all_programs_are_timed_with_each_seed(digits):
    images, labels = digits
    training, validation = (images[200:], labels[200:]), (images[:200], labels[:200])
    seconds = time_to_accuracy("mlp_65x2", training, validation, 0.3, repeat=2)
    assert [len(seconds[name]) for name in ("ours", "original", "fit")] == [2, 2, 2]
