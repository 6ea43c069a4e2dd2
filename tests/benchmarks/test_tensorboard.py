"""The share of a training that goes into TensorBoard's files."""

from benchmarks.tensorboard import cost
from src.config.recipe import load_recipe
from tests.src.models.test_artifacts import RECIPE


def test_a_part_of_the_time_is_its_own(digits):
    images, labels = digits
    whole, own = cost(load_recipe(RECIPE), digits, (images[:100], labels[:100]), 10)
    assert 0 < own < whole
