"""Logits do not depend on the division of images into batches."""

import numpy as np
import pytest

from src.config.recipe import load_recipe
from src.data.memory import INFERENCE_BATCH as BATCH
from src.models.ensemble import average
from src.models.inference import Predictor
from src.models.network import build_model, with_test_time_augmentation


@pytest.fixture
def model(tiny_recipe):
    return build_model(load_recipe(tiny_recipe), 4, 4, 3)


def test_the_logits_of_several_batches_are_in_the_order_of_the_images(model):
    images = np.random.default_rng(0).integers(0, 256, (2 * BATCH + 7, 4, 4), np.uint8)
    logits = Predictor(model).logits(images)
    assert logits.shape == (2 * BATCH + 7, 3)
    np.testing.assert_allclose(logits, model(images), rtol=1e-5, atol=1e-5)


def test_the_current_weights_are_used(model):
    predictor = Predictor(model)
    images = np.full((2, 4, 4), 255, np.uint8)
    before = predictor.logits(images)
    model.set_weights([weights + 1 for weights in model.get_weights()])
    assert (predictor.logits(images) > before).all()


def test_the_batch_size_of_a_model_of_models_is_that_of_its_largest_network(change_recipe):
    recipe = change_recipe("tiny_convnet")
    networks = [build_model(recipe, 100, 100, 3) for _ in range(3)]
    alone = Predictor(networks[0]).batch_size
    assert alone < BATCH
    with_copies = [with_test_time_augmentation(each, recipe) for each in networks]
    assert Predictor(with_copies[0]).batch_size == alone
    assert Predictor(average(with_copies)).batch_size == alone
