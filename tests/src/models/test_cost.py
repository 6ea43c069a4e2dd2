"""The number of products of networks that are calculated by hand."""

import pytest

from src.common.tensorflow import keras
from src.models.archive import save_model
from src.models.cost import multiply_adds
from src.models.network import build_model, with_test_time_augmentation
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
INNER = 4 * 3 * 9 * 4 * 8 + 4 * 3 * 8 * 7  # of ``inner``


def inner() -> keras.Model:
    layers = keras.layers.Conv2D(8, 3), keras.layers.Flatten(), keras.layers.Dense(7)
    return keras.Sequential([keras.Input(IMAGE), *layers])


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


def test_a_model_counts_once_for_each_call_in_the_graph(tmp_path):
    image, model = keras.Input(IMAGE), inner()
    model(keras.Input(IMAGE))  # not in the graph
    variants = [image, keras.ops.flip(image, 1), keras.layers.Rescaling(2)(image)]
    outer = keras.Model(image, keras.layers.Average()([model(each) for each in variants]))
    assert multiply_adds(model) == INNER
    assert multiply_adds(outer) == 3 * INNER
    twice = keras.Model(image, keras.layers.Add()([outer(image), outer(variants[1])]))
    save_model(twice, tmp_path / "model.keras")
    assert multiply_adds(keras.saving.load_model(tmp_path / "model.keras")) == 6 * INNER


def test_test_time_augmentation_costs_five_predictions():
    recipe = SMALL_RECIPES["tiny_convnet"]
    model = with_test_time_augmentation(build_model(recipe, 28, 28, 10), recipe)
    assert multiply_adds(model) == 5 * PRODUCTS["tiny_convnet"]


def test_a_layer_counts_once_for_each_call_with_the_shape_of_that_call():
    small, large = keras.Input((4, 4, 1)), keras.Input((9, 4, 1))
    layer = keras.layers.Conv2D(2, 3)
    model = keras.Model([small, large], [layer(small), layer(large)])
    assert multiply_adds(model) == (2 * 2 + 7 * 2) * 9 * 2
