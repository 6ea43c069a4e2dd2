"""The number of products of networks that are calculated by hand."""

import pytest

from src.common.tensorflow import keras
from src.models.cost import multiply_adds
from src.models.network import build_model
from tests.fixtures.training import SMALL_RECIPES

PRODUCTS = {  # calculated from the architectures
    "softmax": 784 * 10,
    "softmax_normal": 784 * 10,
    "mlp_200": 784 * 200 + 200 * 10,
    "mlp_sigmoid": 784 * 625 + 625 * 10,
    "mlp_65x2": 784 * 65 + 65 * 65 + 65 * 10,
    "mlp_dropout": 784 * 625 + 625 * 625 + 625 * 10,
    "mlp_ema": 784 * 500 + 500 * 10,
    "cnn": 28 * 28 * 9 * 32 + 14 * 14 * 9 * 32 * 64 + 7 * 7 * 9 * 64 * 128 + 2048 * 625 + 625 * 10,
    "tiny_convnet": 28 * 28 * 25 * 4 + 12**2 * 9 * 4 * 6 + 4**2 * 9 * 6 * 8 + 8 * 12 + 12 * 10,
}
IMAGE = (6, 5, 4)


@pytest.mark.parametrize("name", PRODUCTS)
def test_a_recipe_has_the_products_of_its_architecture(name):
    assert multiply_adds(build_model(SMALL_RECIPES[name], 28, 28, 10)) == PRODUCTS[name]


def test_groups_strides_and_padding():
    layers = [
        keras.layers.Conv2D(6, (3, 2), padding="same", groups=2),
        keras.layers.BatchNormalization(),
        keras.layers.Conv2D(5, 2, strides=2),
        keras.layers.Dense(3),  # at each of 3 × 2 positions
    ]
    model = keras.Sequential([keras.Input(IMAGE), *layers])
    assert multiply_adds(model) == 30 * 6 * 2 * 6 + 6 * 4 * 6 * 5 + 6 * 5 * 3
