"""The share of a training that goes into TensorBoard's files."""

from benchmarks.tensorboard import cost
from src.config.recipe import load_recipe


def test_a_part_of_the_time_is_its_own(digits, tiny_recipe):
    images, labels = digits
    whole, own = cost(load_recipe(tiny_recipe), digits, (images[:100], labels[:100]), 10)
    assert 0 < own < whole
