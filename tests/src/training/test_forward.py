"""The forward pass of a step computes the layers of the network, and drops units at random."""

import numpy as np
import pytest

from src.common.tensorflow import keras, tf
from src.training.forward import Elementwise, Forward, Normalization


def test_a_seed_gives_the_same_masks_with_the_rate_of_the_layer():
    units = keras.layers.Dropout(0.3)
    forward = Forward(keras.Sequential([keras.Input((200, 100)), units, keras.layers.Dense(2)]))
    (first,), (again,), (other,) = (
        forward.draw_masks(50, tf.constant(seed)) for seed in ([1, 2], [1, 2], [1, 3])
    )
    assert first.shape == (50, 200, 100)
    assert first.dtype == "bool"
    assert np.asarray(first).mean() == pytest.approx(0.7, abs=0.002)  # 4 standard errors
    np.testing.assert_array_equal(first, again)
    agreement = np.mean(np.asarray(first) == np.asarray(other))
    assert agreement == pytest.approx(0.7**2 + 0.3**2, abs=0.002)  # independent


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize("activation", ["relu", "sigmoid"])
def test_values_and_gradients_are_those_of_each_layer_in_turn(dtype, activation):
    layers = [
        keras.layers.Activation(activation, dtype=dtype),
        keras.layers.Dropout(0.3, dtype=dtype),
    ]
    x = tf.cast(tf.random.stateless_normal([6, 50], [1, 2]), dtype)
    keep = tf.random.stateless_uniform([6, 50], [3, 4]) > 0.3
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(x)
        ours = Elementwise(layers)(x, [keep])
        activated = tf.cast(keras.activations.get(activation)(x), "float32")
        expected = tf.where(keep, activated / 0.7, 0)
        weighted = tf.cast(ours, "float32") * tf.range(50.0)
        expected_weighted = expected * tf.range(50.0)
    assert ours.dtype == dtype
    tolerance = {"float32": 1e-6, "bfloat16": 1e-2}[dtype]
    np.testing.assert_allclose(tf.cast(ours, "float32"), expected, rtol=tolerance)
    gradient, expected = tape.gradient(weighted, x), tape.gradient(expected_weighted, x)
    assert gradient.dtype == dtype
    np.testing.assert_allclose(
        tf.cast(gradient, "float32"), tf.cast(expected, "float32"), 5 * tolerance, 1e-3
    )


def test_in_bfloat16_the_kept_units_are_scaled_without_a_bias():
    x = tf.cast(tf.linspace(1.0, 2.0, 4000), "bfloat16")
    layer = Elementwise([keras.layers.Dropout(0.3, dtype="bfloat16")])
    kept = tf.cast(layer(x, [tf.ones([4000], "bool")]), "float32")
    ratio = tf.reduce_mean(kept) / tf.reduce_mean(tf.cast(x, "float32"))
    assert float(ratio) == pytest.approx(1 / 0.7, rel=2e-4)  # 1 / 0.7 in bfloat16: 1.4297, 8e-4


@pytest.mark.parametrize(("dtype", "tolerance"), [("float32", 2e-5), ("bfloat16", 2e-2)])
@pytest.mark.parametrize("shape", [(50, 6, 5, 4), (2, 1)])
def test_normalized_values_and_their_gradients_are_those_of_keras(shape, dtype, tolerance):
    """Of a layer with other parameters than the initial ones."""
    random = np.random.default_rng(1)
    layer = keras.layers.BatchNormalization(epsilon=1.001e-5)
    layer.build(shape)
    layer.gamma.assign(random.normal(1, 0.5, shape[-1]))
    layer.beta.assign(random.normal(0, 0.5, shape[-1]))
    x = tf.cast(random.normal(2, 3, shape), dtype)
    variables = [x, layer.gamma.value, layer.beta.value]
    weights = random.normal(0.1, 1, shape).astype(np.float32)
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(x)
        y, _ = Normalization(layer)(x)
        expected = layer(tf.cast(x, tf.float32), training=True)
        losses = [tf.reduce_sum(tf.cast(each, tf.float32) * weights) for each in (y, expected)]
    assert y.dtype == dtype and y.shape == shape
    ours, theirs = (tape.gradient(loss, variables) for loss in losses)
    for one, other in zip([y, *ours], [expected, *theirs], strict=True):
        other = np.asarray(tf.cast(other, tf.float32))
        atol = tolerance * max(1, np.abs(other).max())
        np.testing.assert_allclose(tf.cast(one, tf.float32), other, atol=atol)
