"""Each mistake in published.yaml is reported with its path."""

from pathlib import Path

import pytest

from src.config.published_values import load_published
from src.config.recipe import fingerprint
from tests.fixtures.training import RECIPES

PUBLISHED = load_published(Path(__file__).parents[3] / "published.yaml", [*RECIPES])


@pytest.mark.parametrize("name", PUBLISHED)
def test_the_values_are_those_of_the_recipe(name):
    assert PUBLISHED[name].fingerprint == fingerprint(RECIPES[name])
    accuracies = PUBLISHED[name].test_accuracy
    by_epoch = accuracies and any(isinstance(epoch, int) for epoch in accuracies.values)
    assert RECIPES[name].keep_epochs == bool(by_epoch)


@pytest.mark.parametrize(
    ("path", "value", "expected"),
    [
        ("cnn.test_accuracy.values", ..., "cnn.test_accuracy.values: Field required"),
        ("cnn.test_accuracy.stddev.3", ..., "values and stddev should have the same epochs"),
        ("cnn.test_accuracy.values.3", "x", "cnn.test_accuracy.values[3]: found 'x'"),
        ("softmax_normal.training_loss.sample", 5, "sample: found 5: Input should be None"),
        ("cnn.fingerprint", "x", "cnn.fingerprint: found 'x': String should match pattern"),
        ("cnnn", {"fingerprint": "0" * 12}, "cnnn: there is no recipe of this name (did you mea"),
    ],
)
def test_a_mistake_is_reported_with_its_path(mistakes, path, value, expected):
    head, *lines = mistakes({f"published.{path}": value}).splitlines()
    assert "published.yaml has " in head
    assert lines[0].startswith(f"  {path.split('.')[0]}") and expected in lines[0]
