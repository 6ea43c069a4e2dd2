"""Batch normalization has the values, the gradients and the moving moments of Keras' layer."""

import numpy as np
import pytest

from src.common.tensorflow import keras, tf
from src.training.normalization import Normalization, update_moving_moments

SHAPES = [(50, 6, 5, 4), (50, 12), (2, 1)]


def make_network(shape) -> keras.Model:
    """A network of one layer, with other parameters than the initial ones."""
    layer = keras.layers.BatchNormalization(momentum=0.9, epsilon=1.001e-5)
    inputs = keras.Input(shape[1:])
    network = keras.Model(inputs, layer(inputs))
    random = np.random.default_rng(1)
    layer.gamma.assign(random.normal(1, 0.5, shape[-1]))
    layer.beta.assign(random.normal(0, 0.5, shape[-1]))
    return network


def batches(shape):
    random = np.random.default_rng(2)
    return [random.normal(2, 3, shape).astype(np.float32) for _ in range(3)]


@pytest.mark.parametrize(("dtype", "tolerance"), [("float32", 2e-5), ("bfloat16", 2e-2)])
@pytest.mark.parametrize("shape", SHAPES)
def test_values_and_gradients_are_those_of_keras(shape, dtype, tolerance):
    layer, x = make_network(shape).layers[1], tf.cast(batches(shape)[0], dtype)
    variables = [x, layer.gamma.value, layer.beta.value]
    weights = np.random.default_rng(3).normal(0.1, 1, shape).astype(np.float32)
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(x)
        y, _ = Normalization(layer)(x)
        expected = layer(tf.cast(x, tf.float32), training=True)
        losses = [tf.reduce_sum(tf.cast(each, tf.float32) * weights) for each in (y, expected)]
    assert y.dtype == dtype and y.shape == shape
    own, theirs = ([y, *tape.gradient(losses[0], variables)], tape.gradient(losses[1], variables))
    for one, other in zip(own, [expected, *theirs], strict=True):
        other = np.asarray(tf.cast(other, tf.float32))
        atol = tolerance * max(1, np.abs(other).max())
        np.testing.assert_allclose(tf.cast(one, tf.float32), other, atol=atol)


@pytest.mark.parametrize("shape", SHAPES)
def test_moving_moments_are_those_of_keras_with_the_variance_of_a_sample(shape):
    """The variance of a sample of n values is n / (n - 1) times that of the values."""
    own, theirs = make_network(shape), make_network(shape)
    for batch in batches(shape):
        update_moving_moments(own, [Normalization(own.layers[1])(tf.constant(batch))[1]])
        theirs(batch, training=True)
    own, theirs = own.layers[1], theirs.layers[1]
    np.testing.assert_allclose(own.moving_mean, theirs.moving_mean, rtol=1e-4)
    count, initial = np.prod(shape[:-1]), 0.9 ** len(batches(shape))
    expected = initial + (np.asarray(theirs.moving_variance) - initial) * count / (count - 1)
    np.testing.assert_allclose(own.moving_variance, expected, rtol=1e-4)


def test_each_layer_gets_its_own_moments():
    inputs = keras.Input((3,))
    layers = [keras.layers.BatchNormalization(momentum=0.5) for _ in range(2)]
    network = keras.Model(inputs, layers[1](keras.layers.ReLU()(layers[0](inputs))))
    update_moving_moments(network, [(tf.fill([3], n + 1.0), tf.fill([3], n + 3.0)) for n in (0, 4)])
    found = [np.asarray(each)[0] for layer in layers for each in layer.weights[2:]]
    assert found == [0.5, 2, 2.5, 4]  # halfway from a mean of 0 and a variance of 1
