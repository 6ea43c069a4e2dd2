"""The learning rate follows its schedule, and the steps are those of TensorFlow 1."""

import numpy as np
import pytest

from src.common.tensorflow import keras, tf
from src.training.optimizer import build_optimizer


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

    ours, variable = (
        build_optimizer(change_recipe(name), 20),
        keras.Variable(np.ones(16, np.float32)),
    )
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
