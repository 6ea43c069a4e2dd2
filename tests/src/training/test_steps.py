"""Compiled steps compute what Keras computes, in every mode of execution."""

import math

import numpy as np
import pytest

from src.common.tensorflow import keras, tf
from src.config.recipe import load_recipe
from src.models.artifacts import weights_sha256
from src.training.execution import Execution
from src.training.network import build_model, build_optimizer
from tests.fixtures.training import SMALL_RECIPES

BATCH, STEPS = 50, 6
# Batch normalization increases the effect of rounding.
TOLERANCE = {"tiny_convnet": 1e-4}


def without_randomness(recipe):
    """A copy of a recipe whose steps can be compared with those of another program."""
    content = recipe.model_dump()
    if "dropout" in content:
        content["dropout"] = dict.fromkeys(content["dropout"], 0)
    return load_recipe(content | {"augmentation": None})


def weights_with_sample_variance(model, steps):
    """The weights; moving variances as those of the kernel: see test_forward.py."""
    weights, positions = model.get_weights(), {id(each): i for i, each in enumerate(model.weights)}
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            count, initial = BATCH * math.prod(layer.output.shape[1:-1]), layer.momentum**steps
            index = positions[id(layer.moving_variance)]
            weights[index] = initial + (weights[index] - initial) * count / (count - 1)
    return weights


# L2 and an average; dropout and RMSProp; Adam; convolutions; batch normalization and all else.
@pytest.mark.parametrize("name", ["mlp_ema", "mlp_dropout", "mlp_65x2", "cnn", "tiny_convnet"])
def test_steps_give_the_weights_of_train_on_batch(splits, new_steps, name):
    recipe = without_randomness(SMALL_RECIPES[name])
    steps = new_steps(recipe, BATCH, STEPS)
    reference = build_model(recipe, 28, 28, 10)
    reference.set_weights(steps.exported.get_weights())
    settings = {"from_logits": True, "label_smoothing": recipe.label_smoothing}
    cross_entropy = keras.losses.CategoricalCrossentropy(**settings)
    mean = keras.metrics.CategoricalCrossentropy("mean", **settings)
    optimizer = build_optimizer(recipe, STEPS)
    optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
    reference.compile(optimizer, cross_entropy, metrics=[mean])

    images, labels = splits[0]
    targets = np.eye(10, dtype=np.float32)[labels]
    order = np.random.default_rng(0).permutation(len(labels)).astype(np.int32)
    steps.load(splits[0])
    losses = steps.run(tf.constant(order), 0, 2) + steps.run(tf.constant(order), 2, STEPS - 2)

    averages, expected_losses = reference.get_weights(), 0.0
    for step, rows in enumerate(np.split(order[: STEPS * BATCH], STEPS), start=1):
        reference.reset_metrics()
        values = reference.train_on_batch(images[rows], targets[rows], return_dict=True)
        expected_losses += values["mean"]
        weights = weights_with_sample_variance(reference, step)
        limit = recipe.averaging.decay if recipe.averaging else 0
        decay = min(limit, (1 + step) / (10 + step))  # the formula of the tutorial of mlp_ema
        pairs = zip(averages, weights, strict=True)
        averages = [decay * average + (1 - decay) * each for average, each in pairs]
    trained = [np.asarray(each) for each in steps.variables()[: len(averages)]]
    expected = averages if recipe.averaging else weights
    for ours, theirs in zip(trained, weights, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=TOLERANCE.get(name, 1e-5))
    for ours, theirs in zip(steps.exported.get_weights(), expected, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=TOLERANCE.get(name, 1e-5))
    assert losses == pytest.approx(expected_losses, rel=1e-5)


@pytest.mark.parametrize(
    ("name", "steps"),
    [
        ("mlp_65x2", 20),
        ("mlp_ema", 20),
        pytest.param("smooth_convnet", 2, marks=pytest.mark.slow),
    ],
)
def test_xla_and_graph_give_the_same_weights_within_rounding(
    new_trainer, change_recipe, name, steps
):
    recipe = change_recipe(name, epochs=None, steps=steps, validate_every=None)
    xla, graph = (
        new_trainer(recipe, Execution("cpu", mode, "float32")).run().model.get_weights()
        for mode in ("xla", "graph")
    )
    for one, other in zip(xla, graph, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-4)


@pytest.mark.parametrize(
    ("device", "name"),
    [pytest.param("cpu", "tiny_convnet", marks=pytest.mark.slow), ("gpu", "mlp_ema")],
)
def test_bfloat16_keeps_weights_in_float32(new_trainer, change_recipe, device, name):
    """Without a GPU, TensorFlow places its operations on the CPU, with the same arithmetic."""
    recipe = change_recipe(name, epochs=None, steps=3, validate_every=None)
    model = new_trainer(recipe, Execution(device, "graph", "bfloat16")).run().model
    exact = new_trainer(recipe).run().model
    assert {weights.dtype for weights in model.get_weights()} == {np.dtype("float32")}
    assert {layer.dtype_policy.name for layer in model.layers} == {"float32"}
    assert weights_sha256(model) != weights_sha256(exact)
    np.testing.assert_allclose(model.get_weights()[0], exact.get_weights()[0], atol=0.05)
