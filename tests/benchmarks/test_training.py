from pathlib import Path

import pytest
import tensorflow as tf

from benchmarks.keras_fit import KerasFit
from benchmarks.matrix_products import MatrixProducts, convolution_products, dense_products
from benchmarks.training import time_epochs
from src.config.recipes import load_recipes
from src.training.execution import Execution
from src.training.network import build_model

RECIPES = load_recipes(Path(__file__).parents[2] / "recipes.yaml")


@pytest.mark.parametrize("name", ["softmax", "mlp_ema", "mlp_dropout"])
def test_all_programs_are_timed_in_each_epoch(digits, name):
    timed, _ = time_epochs(name, *digits, repeat=3)
    assert list(timed.seconds) == ["ours", "original", "fit", "matrix products"]
    assert {len(seconds) for seconds in timed.seconds.values()} == {3}


def test_keras_predicts_without_dropout(digits):
    program = KerasFit(RECIPES["mlp_dropout"], *digits)
    assert program.train_epoch() > 0
    assert len({program.accuracy(*digits) for _ in range(3)}) == 1


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_the_floating_point_operations_of_a_step_are_counted(precision):
    execution = Execution("cpu", "graph", precision)
    # 784 → 625 → 625 → 10: three products per layer, except for the first, which has two.
    model = build_model(RECIPES["mlp_dropout"], 28, 28, 10)
    products = MatrixProducts(model, 128, execution)
    assert products.flops == 128 * 2 * (2 * 784 * 625 + 3 * 625 * 625 + 3 * 625 * 10)
    model = build_model(RECIPES["cnn"], 28, 28, 10)
    first, second = 9 * 1 * 32 * 28 * 28, 9 * 32 * 64 * 14 * 14
    third, dense = 9 * 64 * 128 * 7 * 7, 2048 * 625 + 625 * 10
    products = MatrixProducts(model, 2, execution)
    assert products.flops == 2 * 2 * (2 * first + 3 * (second + third + dense))
    products.run(3)


def test_the_products_are_the_output_and_the_gradients_of_a_layer():
    for layer, products, x, weights in (
        (tf.matmul, dense_products, (2, 3, 4), (4, 5)),
        (
            lambda x, weights: tf.nn.conv2d(x, weights, 1, "SAME"),
            *(convolution_products, (2, 3, 6, 6, 2), (3, 3, 2, 4)),
        ),
    ):
        x, weights = tf.random.normal(x), tf.random.normal(weights)
        with tf.GradientTape() as tape:
            tape.watch([x, weights])
            y = layer(x[1], weights)
            gradient = tf.random.normal((2, *y.shape))
            loss = tf.reduce_sum(y * gradient[1])
        by_x, by_weights = tape.gradient(loss, [x, weights])
        expected = y, by_weights, by_x[1]
        for product, value in zip(products(x, gradient, weights), expected, strict=True):
            tf.debugging.assert_near(product(1), value, rtol=1e-3, atol=1e-4)
