"""Networks follow their recipes, for any size of data; optimizers are those of TensorFlow 1."""

import numpy as np
import pytest

from src.common.errors import PipelineError
from src.common.tensorflow import keras, tf
from src.training.network import build_model, build_optimizer
from tests.fixtures.training import RECIPES, SMALL_RECIPES

SIZES = [("softmax", 5, 9, 2), ("mlp_65x2", 33, 20, 256), ("cnn", 5, 9, 2)]
SIZES += [("tiny_convnet", 28, 33, 256)]


def test_a_convnet_has_the_parameters_of_its_architecture():
    """tests/benchmarks/test_originals.py compares the other families with the programs."""
    layers = 25 * 4 + 9 * 4 * 6 + 9 * 6 * 8 + 8 * 12 + 12 * 10
    normalization = 4 * (4 + 6 + 8 + 12)  # each channel has four values
    model = build_model(SMALL_RECIPES["tiny_convnet"], 28, 28, 10)
    assert model.count_params() == layers + normalization


@pytest.mark.parametrize(("name", "height", "width", "classes"), SIZES)
def test_a_recipe_adapts_to_the_data(change_recipe, name, height, width, classes):
    model = build_model(change_recipe(name), height, width, classes)
    images = np.random.default_rng(0).integers(0, 256, (3, height, width), np.uint8)
    logits = model(images)
    assert logits.shape == (3, classes)
    assert logits.dtype == "float32"


def test_images_that_are_too_small_for_a_convolution_are_refused(change_recipe):
    message = (
        r"images of 12 × 40 pixels are too small for a convolution with the kernel 3 × 3 and no "
        r"padding; set its padding to same"
    )
    build_model(change_recipe("tiny_convnet"), 13, 40, 10)
    with pytest.raises(PipelineError, match=message):
        build_model(change_recipe("tiny_convnet"), 12, 40, 10)


def test_pixels_are_scaled_to_0_to_1():
    model = build_model(RECIPES["softmax"], 1, 1, 2)
    model.set_weights([np.array([[1, 2]], np.float32), np.zeros(2, np.float32)])
    np.testing.assert_allclose(model(np.array([[[255]], [[51]]], np.uint8)), [[1, 2], [0.2, 0.4]])


def test_the_exponential_schedule_is_continuous(change_recipe):
    optimizer = build_optimizer(change_recipe("mlp_ema"), 30_000)
    for step in (0, 100, 550, 30_000):
        optimizer.iterations.assign(step)
        expected = 0.8 * 0.999 ** (step / 550)
        assert float(optimizer.learning_rate) == pytest.approx(expected, rel=1e-5)


def rates(recipe, total_steps):
    """The learning rate of each step, and that after the last one."""
    optimizer, found = build_optimizer(recipe, total_steps), []
    for step in range(total_steps + 1):
        optimizer.iterations.assign(step)
        found.append(float(optimizer.learning_rate))
    return found


def test_a_warm_up_is_a_line_to_the_learning_rate_and_then_half_a_cosine(change_recipe):
    recipe = change_recipe("softmax", schedule={"kind": "cosine", "warmup": 0.25})
    line = np.linspace(0.01 / 10, 0.01, 11)  # the first step has an effect
    cosine = 0.01 * (1 + np.cos(np.pi * np.arange(1, 31) / 30)) / 2
    np.testing.assert_allclose(rates(recipe, 40), [*line, *cosine], atol=1e-8)


@pytest.mark.parametrize(("warmup", "total_steps"), [(0.6, 1), (0.99, 10)])
def test_a_short_training_has_a_step_after_the_warm_up(change_recipe, warmup, total_steps):
    recipe = change_recipe("softmax", schedule={"kind": "cosine", "warmup": warmup})
    found = rates(recipe, total_steps)
    assert found[total_steps - 1] == max(found) == pytest.approx(0.01)


TF1_OPTIMIZERS = {
    "mlp_dropout": lambda: tf.compat.v1.train.RMSPropOptimizer(0.001, 0.9),
    "mlp_65x2": lambda: tf.compat.v1.train.AdamOptimizer(0.001),
}


@pytest.mark.parametrize("name", TF1_OPTIMIZERS)
def test_each_step_of_an_optimizer_is_that_of_tensorflow_1(change_recipe, name):
    random = np.random.default_rng(0)
    # From gradients whose square is far below epsilon to large ones.
    scales = np.logspace(-12, 3, 16, dtype=np.float32)
    gradients = [scales * random.normal(size=16).astype(np.float32) for _ in range(20)]

    optimizer = build_optimizer(change_recipe(name), 20)
    variable, values = keras.Variable(np.ones(16, np.float32)), []
    for gradient in gradients:
        optimizer.apply([gradient], [variable])
        values.append(np.asarray(variable))

    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        tf1_variable = tf.compat.v1.Variable(np.ones(16, np.float32))
        feed = tf.compat.v1.placeholder(tf.float32, [16])
        step = TF1_OPTIMIZERS[name]().apply_gradients([(feed, tf1_variable)])
        session.run(tf.compat.v1.global_variables_initializer())
        for gradient, ours in zip(gradients, values, strict=True):
            session.run(step, {feed: gradient})
            np.testing.assert_allclose(ours - 1, session.run(tf1_variable) - 1, 1e-3, 3e-7)
