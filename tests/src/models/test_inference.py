"""Logits do not depend on how the images fall into batches."""

import numpy as np

from src.config.recipe import load_recipe
from src.models.inference import BATCH, Predictor
from src.models.network import build_model
from tests.src.models.test_artifacts import RECIPE


def test_more_images_than_a_batch_come_back_in_their_order():
    model = build_model(load_recipe(RECIPE), 4, 4, 3)
    images = np.random.default_rng(0).integers(0, 256, (2 * BATCH + 7, 4, 4), np.uint8)
    logits = Predictor(model).logits(images)
    assert logits.shape == (2 * BATCH + 7, 3)
    np.testing.assert_allclose(logits, model(images), rtol=1e-5, atol=1e-5)


def test_later_weights_are_used():
    model = build_model(load_recipe(RECIPE), 4, 4, 3)
    predictor = Predictor(model)
    images = np.full((2, 4, 4), 255, np.uint8)
    before = predictor.logits(images)
    model.set_weights([weights + 1 for weights in model.get_weights()])
    assert (predictor.logits(images) > before).all()
