"""Training on the stand-in: reproducible, right in its details, and honest about divergence."""

from pathlib import Path

import numpy as np
import pytest

from src.errors import PipelineError
from src.inference import Predictor
from src.metrics import accuracy
from src.params import load_params
from src.recipe import load_recipe
from src.trained import weights_sha256
from src.training import train

RECIPES = load_params(Path(__file__).parents[2] / "params.yaml").models


def changed(name: str, **changes):
    """A recipe of params.yaml with other values."""
    return load_recipe({**RECIPES[name].model_dump(), **changes})


@pytest.fixture(scope="module")
def splits(digits):
    images, labels = digits
    return (images[200:], labels[200:]), (images[:200], labels[:200])


@pytest.mark.parametrize("name", RECIPES)
def test_the_same_seed_gives_the_same_weights(splits, name):
    recipe = changed(name, epochs=1, steps=None, validate_every=None)
    first, second, other = (train(recipe, *splits, 10, seed=seed).model for seed in (5, 5, 6))
    assert weights_sha256(first) == weights_sha256(second)
    assert weights_sha256(first) != weights_sha256(other)


def test_training_learns(splits):
    training = train(RECIPES["mlp_65x2"], *splits, 10, seed=1)
    assert training.history[-1]["validation_accuracy"] > 0.85
    assert training.history[-1]["loss"] < training.history[0]["loss"] / 3


def test_the_history_has_a_row_for_each_epoch(splits):
    training = train(changed("softmax", epochs=3), *splits, 10, seed=1)
    assert [row["epoch"] for row in training.history] == [1, 2, 3]
    assert [row["step"] for row in training.history] == [12, 24, 36]  # 1,237 images by 100


def test_the_history_has_a_row_for_each_so_many_steps(splits):
    recipe = changed("softmax", epochs=None, steps=50, validate_every=20)
    training = train(recipe, *splits, 10, seed=1)
    assert [row["step"] for row in training.history] == [20, 40, 50]


def test_the_last_row_is_the_models_own_accuracy(splits):
    training = train(changed("mlp_ema", steps=40, validate_every=40), *splits, 10, seed=1)
    logits = Predictor(training.model).logits(splits[1][0])
    assert training.history[-1]["validation_accuracy"] == accuracy(logits, splits[1][1])


def test_one_step_of_sgd_is_the_formula(splits):
    """From zero weights the gradient of softmax is (1/K - onehot) x, averaged over the batch."""
    images, labels = splits[0]
    recipe = changed("softmax", epochs=None, steps=1, batch_size=len(labels))
    kernel, bias = train(recipe, *splits, 10, seed=1).model.get_weights()
    error = 0.1 - np.eye(10)[labels]
    pixels = images.reshape(len(images), -1) / 255
    np.testing.assert_allclose(kernel, -0.01 * pixels.T @ error / len(labels), atol=1e-7)
    np.testing.assert_allclose(bias, -0.01 * error.mean(axis=0), atol=1e-7)


def test_the_penalty_shrinks_the_weights(splits):
    plain, penalized = (
        train(changed("mlp_ema", l2=l2, steps=200), *splits, 10, seed=1).model.get_weights()[0]
        for l2 in (0.0, 0.01)
    )
    assert np.square(penalized).sum() < 0.9 * np.square(plain).sum()


def test_averaging_follows_its_formula(splits):
    """With all images in each batch the order does not matter, and steps can be replayed."""
    size = len(splits[0][1])
    weights = [
        train(
            changed("softmax", epochs=None, steps=steps, batch_size=size), *splits, 10, seed=1
        ).model.get_weights()[0]
        for steps in (1, 2)
    ]
    averaged = changed("softmax", epochs=None, steps=2, batch_size=size, averaging={"decay": 0.99})
    expected = np.zeros_like(weights[0])
    for step, current in enumerate(weights, start=1):
        decay = min(0.99, (1 + step) / (10 + step))
        expected = decay * expected + (1 - decay) * current
    result = train(averaged, *splits, 10, seed=1).model.get_weights()[0]
    np.testing.assert_allclose(result, expected, atol=1e-7)


def test_weights_are_kept_for_each_epoch(splits):
    training = train(changed("softmax", epochs=3), *splits, 10, seed=1, keep_epochs=True)
    assert training.weights_by_epoch.shape == (3, 7850)
    last = np.concatenate([weights.ravel() for weights in training.model.get_weights()])
    np.testing.assert_array_equal(training.weights_by_epoch[-1], last)
    assert (training.weights_by_epoch[0] != last).any()


def test_a_loss_that_is_not_finite_stops_with_a_sentence(splits):
    recipe = changed("mlp_65x2", optimizer={"kind": "sgd", "learning_rate": 1000.0})
    with pytest.raises(PipelineError, match="the loss is not finite any more between steps"):
        train(recipe, *splits, 10, seed=1)


def test_progress_reaches_the_end(splits):
    seen = []
    train(
        changed("softmax", epochs=2), *splits, 10, seed=1,
        on_progress=lambda **how_far: seen.append(how_far),
    )  # fmt: skip
    assert seen[-1]["step"] == seen[-1]["total_steps"] == 24
    assert seen[-1]["steps_per_epoch"] == 12


def test_without_shuffling_images_come_in_their_order(splits):
    """One step from zero weights sees the first images only."""
    _, labels = splits[0]
    recipe = changed("softmax", epochs=None, steps=1, batch_size=10, shuffle=False)
    bias = train(recipe, *splits, 10, seed=1).model.get_weights()[1]
    expected = -0.01 * (0.1 - np.eye(10)[labels[:10]]).mean(axis=0)
    np.testing.assert_allclose(bias, expected, atol=1e-7)
