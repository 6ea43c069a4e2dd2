"""Logits do not depend on the division into batches."""

import numpy as np
import pytest

from src.config.recipe import load_recipe
from src.models.inference import MOST_IMAGES as BATCH
from src.models.inference import Predictor
from src.training.network import build_model


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
