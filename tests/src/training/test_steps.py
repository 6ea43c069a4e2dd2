"""Compiled steps compute what Keras computes, in every mode of execution."""

from pathlib import Path

import numpy as np
import pytest

from src.common.tensorflow import keras, tf
from src.config.params import load_params
from src.models.artifacts import weights_sha256
from src.models.network import build_model
from src.models.optimizer import build_optimizer
from src.training.distributed import SINGLE_WORKER, make_strategy
from src.training.execution import Execution
from src.training.steps import Steps

RECIPES = load_params(Path(__file__).parents[3] / "params.yaml").models
BATCH, STEPS = 50, 6


@pytest.mark.parametrize("name", RECIPES)
def test_steps_give_the_weights_of_train_on_batch(splits, graph, change_recipe, name):
    dropout = getattr(RECIPES[name], "dropout", None)  # random, so it cannot be compared
    recipe = (
        change_recipe(name, dropout=dict.fromkeys(dropout.model_dump(), 0))
        if dropout
        else (RECIPES[name])
    )
    keras.utils.set_random_seed(1)
    strategy = make_strategy("single", "cpu", SINGLE_WORKER)
    steps = Steps(recipe, (28, 28), 10, BATCH, 1, STEPS, graph, strategy)
    reference = build_model(recipe, 28, 28, 10)
    reference.set_weights(steps.model.get_weights())
    cross_entropy = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    mean = keras.metrics.SparseCategoricalCrossentropy("mean", from_logits=True)
    reference.compile(build_optimizer(recipe, STEPS), cross_entropy, metrics=[mean])

    images, labels = splits[0]
    order = np.random.default_rng(0).permutation(len(labels)).astype(np.int32)
    steps.load(splits[0])
    losses = steps.run(tf.constant(order), 0, 2) + steps.run(tf.constant(order), 2, STEPS - 2)

    averages, expected_losses = reference.get_weights(), 0.0
    for step, rows in enumerate(np.split(order[: STEPS * BATCH], STEPS), start=1):
        reference.reset_metrics()
        values = reference.train_on_batch(images[rows], labels[rows], return_dict=True)
        expected_losses += values["mean"]
        decay = min(0.99, (1 + step) / (10 + step))  # the formula of the tutorial of mlp_ema
        pairs = zip(averages, reference.get_weights(), strict=True)
        averages = [decay * average + (1 - decay) * weights for average, weights in pairs]
    trained = [np.asarray(each) for each in steps.variables()[: len(averages)]]
    expected = averages if recipe.averaging else reference.get_weights()
    for ours, theirs in zip(trained, reference.get_weights(), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-5)
    for ours, theirs in zip(steps.model.get_weights(), expected, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-5)
    assert losses == pytest.approx(expected_losses, rel=1e-5)


@pytest.mark.parametrize("name", ["softmax", "mlp_65x2", "mlp_ema"])
def test_xla_and_graph_give_the_same_weights_within_rounding(new_trainer, change_recipe, name):
    recipe = change_recipe(name, epochs=None, steps=20, validate_every=None)
    xla, graph = (
        new_trainer(recipe, Execution("cpu", mode, "float32")).run().model.get_weights()
        for mode in ("xla", "graph")
    )
    for one, other in zip(xla, graph, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-4)


def test_bfloat16_on_a_cpu_keeps_weights_in_float32(new_trainer, change_recipe):
    recipe = change_recipe("cnn", epochs=None, steps=3)
    reduced = new_trainer(recipe, Execution("cpu", "graph", "bfloat16")).run().model.get_weights()
    exact = new_trainer(recipe).run().model.get_weights()
    assert {weights.dtype for weights in reduced} == {np.dtype("float32")}
    np.testing.assert_allclose(reduced[0], exact[0], atol=0.01)


@pytest.mark.parametrize("name", ["cnn", "mlp_ema"])
def test_bfloat16_on_a_gpu_keeps_weights_in_float32(new_trainer, change_recipe, name):
    """Without a GPU, TensorFlow places its operations on the CPU, with the same arithmetic."""
    recipe = change_recipe(name, epochs=None, steps=3)
    model = new_trainer(recipe, Execution("gpu", "graph", "bfloat16")).run().model
    exact = new_trainer(recipe).run().model
    assert {layer.dtype_policy.name for layer in model.layers} == {"float32"}
    assert weights_sha256(model) != weights_sha256(exact)
    for one, other in zip(model.get_weights(), exact.get_weights(), strict=True):
        assert np.abs(one - other).mean() < 0.005 < np.abs(other).max()


def test_images_are_on_the_device_of_the_weights(new_trainer, change_recipe):
    trainer = new_trainer(change_recipe("softmax", epochs=1))
    trainer.run()
    (images,) = trainer.steps.strategy.experimental_local_results(trainer.steps.images)
    assert images.device == trainer.model.weights[0].value.device
