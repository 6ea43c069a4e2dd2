"""The programs that are timed do train, and all on the same recipe."""

from pathlib import Path

import pytest
import tensorflow as tf

from benchmarks.peers import FeedLoop, KerasFit
from benchmarks.products import Products
from benchmarks.training import time_epochs
from src.config.params import load_params
from src.models.network import build_model
from src.training.execution import Execution

RECIPES = load_params(Path(__file__).parents[2] / "params.yaml").models


@pytest.mark.parametrize("name", ["softmax", "mlp_ema", "mlp_dropout"])
def test_all_programs_are_timed_and_learn(digits, name):
    timed = time_epochs(RECIPES[name], *digits, repeat=3)
    assert list(timed.seconds) == ["ours", "feed loop", "fit", "products"]
    assert {len(seconds) for seconds in timed.seconds.values()} == {3}
    for program in ("feed loop", "fit"):
        assert timed.losses[program][-1] < timed.losses[program][0]


@pytest.mark.parametrize("name", RECIPES)
def test_the_feed_loop_knows_every_recipe(digits, name):
    recipe = RECIPES[name].model_copy(update={"batch_size": 100})
    assert FeedLoop(recipe, *digits).epoch() > 0


@pytest.mark.parametrize("kind", [FeedLoop, KerasFit])
def test_a_peer_validates_without_dropout(digits, kind):
    images, labels = digits
    peer = kind(RECIPES["mlp_dropout"], images, labels)
    for _ in range(16):  # TensorFlow 1's RMSProp takes its time
        peer.epoch()
    accuracies = {peer.accuracy(images, labels) for _ in range(3)}
    assert len(accuracies) == 1
    assert accuracies.pop() > 0.8


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_the_arithmetic_of_a_step_is_counted(precision):
    execution = Execution("cpu", "graph", precision)
    # 784 -> 625 -> 625 -> 10: three products per layer, but for the first, which has two
    model = build_model(RECIPES["mlp_dropout"], 28, 28, 10)
    products = Products(model, 128, execution)
    assert products.flops == 128 * 2 * (2 * 784 * 625 + 3 * 625 * 625 + 3 * 625 * 10)
    model = build_model(RECIPES["cnn"], 28, 28, 10)
    first, second = 9 * 1 * 32 * 28 * 28, 9 * 32 * 64 * 14 * 14
    third, dense = 9 * 64 * 128 * 7 * 7, 2048 * 625 + 625 * 10
    products = Products(model, 2, execution)
    assert products.flops == 2 * 2 * (2 * first + 3 * (second + third + dense))
    products.run(3)


def test_the_products_are_those_of_a_gradient():
    """What is timed as a layer's gradient is the layer's gradient."""
    from benchmarks.products import _convolution, _dense

    for apply, operations, x, w in (
        (tf.matmul, _dense, (2, 3, 4), (4, 5)),
        (lambda x, w: tf.nn.conv2d(x, w, 1, "SAME"), _convolution, (2, 3, 6, 6, 2), (3, 3, 2, 4)),
    ):
        x, w = tf.random.normal(x), tf.random.normal(w)
        with tf.GradientTape() as tape:
            tape.watch([x, w])
            y = apply(x[1], w)
            up = tf.random.normal((2, *y.shape))
            loss = tf.reduce_sum(y * up[1])
        by_x, by_w = tape.gradient(loss, [x, w])
        for operation, expected in zip(operations(x, up, w), (y, by_w, by_x[1]), strict=True):
            tf.debugging.assert_near(operation(1), expected, rtol=1e-3, atol=1e-4)
