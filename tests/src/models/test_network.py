"""Models have the architecture and initial values of their recipes, for any size of data."""

from pathlib import Path

import numpy as np
import pytest

from src.common.tensorflow import keras, tf
from src.config.params import load_params
from src.config.recipe import load_recipe
from src.models.network import build_model
from src.models.optimizer import build_optimizer

RECIPES = load_params(Path(__file__).parents[3] / "params.yaml").models
PARAMETERS = {  # calculated from the architectures
    "softmax": 784 * 10 + 10,
    "softmax_normal": 784 * 10 + 10,
    "mlp_200": 784 * 200 + 200 + 200 * 10 + 10,
    "mlp_sigmoid": 784 * 625 + 625 * 10,
    "mlp_65x2": 784 * 65 + 65 + 65 * 65 + 65 + 65 * 10 + 10,
    "mlp_dropout": 784 * 625 + 625 * 625 + 625 * 10,
    "mlp_ema": 784 * 500 + 500 + 500 * 10 + 10,
    "cnn": 9 * 32 + 9 * 32 * 64 + 9 * 64 * 128 + 2048 * 625 + 625 * 10,
}


@pytest.mark.parametrize("name", PARAMETERS)
def test_a_recipe_has_the_parameters_of_its_architecture(name):
    assert build_model(RECIPES[name], 28, 28, 10).count_params() == PARAMETERS[name]


@pytest.mark.parametrize("name", RECIPES)
@pytest.mark.parametrize(("height", "width", "classes"), [(5, 9, 2), (33, 20, 256)])
def test_a_recipe_adapts_to_the_data(name, height, width, classes):
    model = build_model(RECIPES[name], height, width, classes)
    images = np.random.default_rng(0).integers(0, 256, (3, height, width), np.uint8)
    logits = model(images)
    assert logits.shape == (3, classes)
    assert logits.dtype == "float32"


def test_pixels_are_scaled_to_0_to_1():
    model = build_model(RECIPES["softmax"], 1, 1, 2)
    model.set_weights([np.array([[1, 2]], np.float32), np.zeros(2, np.float32)])
    np.testing.assert_allclose(model(np.array([[[255]], [[51]]], np.uint8)), [[1, 2], [0.2, 0.4]])


def test_initial_values_follow_the_recipe():
    kernel, bias, *_ = build_model(RECIPES["mlp_200"], 28, 28, 10).get_weights()
    assert kernel.mean() == pytest.approx(0.5, abs=0.01)
    assert kernel.std() == pytest.approx(0.7, abs=0.01)
    assert bias.std() == pytest.approx(0.7, abs=0.15)
    kernel, bias, *_ = build_model(RECIPES["mlp_ema"], 28, 28, 10).get_weights()
    assert np.abs(kernel).max() <= 0.2
    assert (bias == np.float32(0.1)).all()


def test_the_penalty_is_half_the_sum_of_squared_weights():
    model = build_model(RECIPES["mlp_ema"], 2, 2, 3)
    kernels = [weights for weights in model.get_weights() if weights.ndim == 2]
    expected = sum(0.0001 * (kernel**2).sum() / 2 for kernel in kernels)
    assert float(sum(model.losses)) == pytest.approx(float(expected), rel=1e-5)


def test_dropout_is_active_in_training_only():
    model = build_model(RECIPES["mlp_dropout"], 28, 28, 10)
    images = np.full((1, 28, 28), 200, np.uint8)
    np.testing.assert_array_equal(model(images), model(images))
    assert (np.asarray(model(images, training=True)) != np.asarray(model(images))).any()


def test_the_exponential_schedule_is_continuous():
    optimizer = build_optimizer(RECIPES["mlp_ema"], 30_000)
    for step in (0, 100, 550, 30_000):
        optimizer.iterations.assign(step)
        expected = 0.8 * 0.999 ** (step / 550)
        assert float(optimizer.learning_rate) == pytest.approx(expected, rel=1e-5)


def test_the_cosine_schedule_ends_at_zero():
    recipe = {**RECIPES["softmax"].model_dump(), "schedule": {"kind": "cosine"}}
    optimizer = build_optimizer(load_recipe(recipe), 100)
    optimizer.iterations.assign(50)
    assert float(optimizer.learning_rate) == pytest.approx(0.005)
    optimizer.iterations.assign(100)
    assert float(optimizer.learning_rate) == pytest.approx(0, abs=1e-9)


TF1_OPTIMIZERS = {
    "mlp_dropout": lambda: tf.compat.v1.train.RMSPropOptimizer(0.001, 0.9),
    "mlp_65x2": lambda: tf.compat.v1.train.AdamOptimizer(0.001),
}


@pytest.mark.parametrize("name", TF1_OPTIMIZERS)
def test_each_step_of_an_optimizer_is_that_of_tensorflow_1(name):
    random = np.random.default_rng(0)
    # From gradients whose square is far below epsilon to large ones.
    scales = np.logspace(-12, 3, 16, dtype=np.float32)
    gradients = [scales * random.normal(size=16).astype(np.float32) for _ in range(20)]

    ours, variable = build_optimizer(RECIPES[name], 20), keras.Variable(np.ones(16, np.float32))
    own_values = []
    for gradient in gradients:
        ours.apply([gradient], [variable])
        own_values.append(np.asarray(variable))

    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        tf1_variable = tf.compat.v1.Variable(np.ones(16, np.float32))
        feed = tf.compat.v1.placeholder(tf.float32, [16])
        step = TF1_OPTIMIZERS[name]().apply_gradients([(feed, tf1_variable)])
        session.run(tf.compat.v1.global_variables_initializer())
        for gradient, own in zip(gradients, own_values, strict=True):
            session.run(step, {feed: gradient})
            np.testing.assert_allclose(own - 1, session.run(tf1_variable) - 1, 1e-3, 3e-7)
