"""Logits do not depend on the division into batches; products are those of the architecture."""

import numpy as np
import pytest

from src.common.tensorflow import keras
from src.config.recipe import load_recipe
from src.models.inference import MOST_IMAGES as BATCH
from src.models.inference import Predictor, multiply_adds
from src.training.network import build_model
from tests.fixtures.training import SMALL_RECIPES

PRODUCTS = {  # calculated from the architectures
    "softmax": 784 * 10,
    "mlp_65x2": 784 * 65 + 65 * 65 + 65 * 10,
    "cnn": 28 * 28 * 9 * 32 + 14 * 14 * 9 * 32 * 64 + 7 * 7 * 9 * 64 * 128 + 2048 * 625 + 625 * 10,
    "tiny_convnet": 28 * 28 * 25 * 4 + 12**2 * 9 * 4 * 6 + 4**2 * 9 * 6 * 8 + 8 * 12 + 12 * 10,
}


def test_the_logits_of_several_batches_are_those_of_the_current_weights(tiny_recipe):
    model = build_model(load_recipe(tiny_recipe), 4, 4, 3)
    images = np.random.default_rng(0).integers(0, 256, (2 * BATCH + 7, 4, 4), np.uint8)
    predictor = Predictor(model)
    logits = predictor.logits(images)
    assert logits.shape == (2 * BATCH + 7, 3)
    np.testing.assert_allclose(logits, model(images), rtol=1e-5, atol=1e-5)
    model.set_weights([weights + 1 for weights in model.get_weights()])
    assert (predictor.logits(images) != logits).all()


@pytest.mark.parametrize(
    ("name", "changes", "side", "expected"),
    [
        # Otherwise, the metrics of the recipes would change in their last digits.
        *((name, {}, 28, BATCH) for name in ("softmax", "mlp_sigmoid", "cnn", "cnn_best")),
        *(("cnn", {}, 128, 48), ("mlp_sigmoid", {"hidden": [10**5]}, 4, 256)),
        ("softmax", {}, 280, 326),
    ],
)
def test_fewer_images_are_predicted_at_the_same_time_if_a_layer_is_large(
    change_recipe, name, changes, side, expected
):
    recipe = change_recipe(name, **changes)
    assert Predictor(build_model(recipe, side, side, 10)).batch_size == expected


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
    model = keras.Sequential([keras.Input((6, 5, 4)), *layers])
    assert multiply_adds(model) == 30 * 6 * 2 * 6 + 6 * 4 * 6 * 5 + 6 * 5 * 3
