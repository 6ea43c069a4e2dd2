"""Trainings that end at an accuracy."""

from pathlib import Path

from benchmarks.target import time_to
from src.config.params import load_params

RECIPE = load_params(Path(__file__).parents[2] / "params.yaml").models["mlp_65x2"]


def test_every_program_stops_at_the_target(digits):
    images, labels = digits
    training, validation = (images[200:], labels[200:]), (images[:200], labels[:200])
    short = time_to(RECIPE, training, validation, 0.3, 2)
    long = time_to(RECIPE, training, validation, 1.0, 2)  # the recipe's epochs end before
    assert list(short) == ["ours", "feed loop", "fit"]
    for program, seconds in short.items():
        assert len(seconds) == 2
        assert min(long[program]) > 0 < min(seconds)
