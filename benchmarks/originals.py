"""The programs of the five tutorials, rewritten in a compact form for ``tf.compat.v1``.

Graph, initial values, optimizer, order of the images and feed are those of the tutorials. Names,
texts and plots are not.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from src.common.tensorflow import tf

v1 = tf.compat.v1


@dataclass(frozen=True)
class Network:
    """What a program builds from the placeholders of pixels and one-hot labels."""

    logits: tf.Tensor  # for predictions
    loss: tf.Tensor  # that the program prints or could print: without the L2 penalty
    train_step: tf.Operation
    keep: dict[tf.Tensor, float] = field(default_factory=dict)  # dropout, in training only


def _normal(*shape: int, mean: float = 0.0, stddev: float) -> tf.Variable:
    return v1.Variable(v1.random_normal(shape, mean, stddev))


def _cross_entropy(logits: tf.Tensor, y: tf.Tensor) -> tf.Tensor:
    return tf.reduce_mean(v1.nn.softmax_cross_entropy_with_logits_v2(labels=y, logits=logits))


def _softmax_regression(x: tf.Tensor, y: tf.Tensor, initial: Callable[..., tf.Tensor]) -> Network:
    w, b = v1.Variable(initial([784, 10])), v1.Variable(tf.zeros([10]))
    logits = tf.matmul(x, w) + b
    loss = tf.reduce_mean(-tf.reduce_sum(y * tf.math.log(tf.nn.softmax(logits)), axis=1))
    return Network(logits, loss, v1.train.GradientDescentOptimizer(0.01).minimize(loss))


def _mlp_200(x: tf.Tensor, y: tf.Tensor) -> Network:
    initial = partial(_normal, mean=0.5, stddev=0.7)
    w1, b1, w2, b2 = initial(784, 200), initial(200), initial(200, 10), initial(10)
    logits = tf.matmul(tf.nn.relu(tf.matmul(x, w1) + b1), w2) + b2
    loss = _cross_entropy(logits, y)
    return Network(logits, loss, v1.train.AdamOptimizer(0.001).minimize(loss))


def _mlp_65x2(x: tf.Tensor, y: tf.Tensor) -> Network:
    layer, sizes = x, (784, 65, 65, 10)
    for number, (inputs, outputs) in enumerate(pairwise(sizes), start=1):
        if number > 1:
            layer = tf.nn.relu(layer)
        # Without an initializer, get_variable uses glorot_uniform, for a bias too.
        w = v1.get_variable(f"weights_{number}", [inputs, outputs])
        layer = tf.matmul(layer, w) + v1.get_variable(f"biases_{number}", [outputs])
    loss = _cross_entropy(layer, y)
    return Network(layer, loss, v1.train.AdamOptimizer(0.001).minimize(loss))


def _mlp_sigmoid(x: tf.Tensor, y: tf.Tensor) -> Network:
    w_hidden, w_output = _normal(784, 625, stddev=0.01), _normal(625, 10, stddev=0.01)
    logits = tf.matmul(tf.nn.sigmoid(tf.matmul(x, w_hidden)), w_output)
    loss = _cross_entropy(logits, y)
    return Network(logits, loss, v1.train.GradientDescentOptimizer(0.05).minimize(loss))


def _mlp_dropout(x: tf.Tensor, y: tf.Tensor) -> Network:
    w1, w2 = _normal(784, 625, stddev=0.01), _normal(625, 625, stddev=0.01)
    w_output = _normal(625, 10, stddev=0.01)
    keep_input, keep_hidden = v1.placeholder(tf.float32, []), v1.placeholder(tf.float32, [])
    layer = v1.nn.dropout(x, keep_input)
    for w in (w1, w2):
        layer = v1.nn.dropout(tf.nn.relu(tf.matmul(layer, w)), keep_hidden)
    logits = tf.matmul(layer, w_output)
    loss = _cross_entropy(logits, y)
    train_step = v1.train.RMSPropOptimizer(0.001, 0.9).minimize(loss)
    return Network(logits, loss, train_step, {keep_input: 0.8, keep_hidden: 0.5})


def _cnn(x: tf.Tensor, y: tf.Tensor) -> Network:
    keep_conv, keep_hidden = v1.placeholder(tf.float32, []), v1.placeholder(tf.float32, [])
    layer = tf.reshape(x, [-1, 28, 28, 1])
    for inputs, outputs in ((1, 32), (32, 64), (64, 128)):
        w = _normal(3, 3, inputs, outputs, stddev=0.01)
        layer = tf.nn.relu(tf.nn.conv2d(layer, w, strides=1, padding="SAME"))
        layer = tf.nn.max_pool2d(layer, ksize=2, strides=2, padding="SAME")
        layer = v1.nn.dropout(layer, keep_conv)
    layer = tf.reshape(layer, [-1, 4 * 4 * 128])
    layer = tf.nn.relu(tf.matmul(layer, _normal(4 * 4 * 128, 625, stddev=0.01)))
    layer = v1.nn.dropout(layer, keep_hidden)
    logits = tf.matmul(layer, _normal(625, 10, stddev=0.01))
    loss = _cross_entropy(logits, y)
    train_step = v1.train.RMSPropOptimizer(0.001, 0.9).minimize(loss)
    return Network(logits, loss, train_step, {keep_conv: 0.8, keep_hidden: 0.5})


def _mlp_ema(x: tf.Tensor, y: tf.Tensor) -> Network:
    step = v1.Variable(0, trainable=False)
    w1 = v1.Variable(v1.truncated_normal([784, 500], stddev=0.1))
    b1 = v1.Variable(tf.constant(0.1, shape=[500]))
    w2 = v1.Variable(v1.truncated_normal([500, 10], stddev=0.1))
    b2 = v1.Variable(tf.constant(0.1, shape=[10]))
    averages = v1.train.ExponentialMovingAverage(0.99, step)
    averages_op = averages.apply([w1, b1, w2, b2])

    def network(w1: tf.Tensor, b1: tf.Tensor, w2: tf.Tensor, b2: tf.Tensor) -> tf.Tensor:
        return tf.matmul(tf.nn.relu(tf.matmul(x, w1) + b1), w2) + b2

    loss = _cross_entropy(network(w1, b1, w2, b2), y)
    penalty = 0.0001 * tf.nn.l2_loss(w1) + 0.0001 * tf.nn.l2_loss(w2)
    # The tutorial assigns the decaying learning rate to a variable with a misspelt name, and then
    # trains with this constant.
    learning_rate = 0.8
    minimize = v1.train.GradientDescentOptimizer(learning_rate).minimize(loss + penalty, step)
    # Nothing orders the two: the average may use the weights before or after the step.
    train_step = tf.group(minimize, averages_op)
    averaged = network(*(averages.average(each) for each in (w1, b1, w2, b2)))
    return Network(averaged, loss, train_step)


class Program(NamedTuple):
    """A program and the length of its training: ``epochs``, or ``steps``."""

    build: Callable[[tf.Tensor, tf.Tensor], Network]
    batch_size: int
    epochs: int | None = None
    steps: int | None = None
    file_order: bool = False  # otherwise the batches come from ``mnist.train.next_batch``


PROGRAMS = {
    "softmax": Program(partial(_softmax_regression, initial=tf.zeros), 100, epochs=25),
    "softmax_normal": Program(
        partial(_softmax_regression, initial=v1.random_normal), 100, epochs=25
    ),
    "mlp_200": Program(_mlp_200, 1000, steps=1000),
    "mlp_sigmoid": Program(_mlp_sigmoid, 128, epochs=10, file_order=True),
    "mlp_65x2": Program(_mlp_65x2, 100, epochs=15),
    "mlp_dropout": Program(_mlp_dropout, 128, epochs=10, file_order=True),
    "mlp_ema": Program(_mlp_ema, 100, steps=30_000),
    "cnn": Program(_cnn, 128, epochs=10, file_order=True),
}


class Original:
    """A program with its session and its data.

    Takes images ``uint8 [N, 28, 28]`` and labels ``uint8 [N]`` from 0 to 9. The seed is that of the
    initial weights, the order of the images, and dropout.
    """

    def __init__(self, name: str, images: np.ndarray, labels: np.ndarray, seed: int = 1) -> None:
        self.program = PROGRAMS[name]
        self._pixels, self._one_hot = _pixels(images), np.eye(10, dtype=np.float32)[labels]
        self._batches = self._batches_forever(np.random.default_rng(seed))
        with tf.Graph().as_default() as graph:
            v1.set_random_seed(seed)
            self._x = v1.placeholder(tf.float32, [None, 784])
            self._y = v1.placeholder(tf.float32, [None, 10])
            self._network = self.program.build(self._x, self._y)
            self._variables = v1.trainable_variables()
            self._session = v1.Session(graph=graph)
            self._session.run(v1.global_variables_initializer())

    def steps_per_epoch(self) -> int:
        return len(self._one_hot) // self.program.batch_size

    def train_epoch(self) -> float:
        """Train for one epoch; return the mean loss of its batches."""
        return self.train_steps(self.steps_per_epoch())

    def train_steps(self, count: int) -> float:
        """Train on the next batches of the program; return their mean loss."""
        return self._train([next(self._batches) for _ in range(count)], dropout=True)

    def train(self, rows: np.ndarray, dropout: bool = True) -> float:
        """Train on the images with the indices ``rows``, in this order; return the mean loss."""
        size = self.program.batch_size
        ends = range(size, len(rows) + 1, size)
        return self._train([rows[end - size : end] for end in ends], dropout)

    def accuracy(self, images: np.ndarray, labels: np.ndarray) -> float:
        """Return the accuracy of the current weights."""
        feed = {self._x: _pixels(images)} | dict.fromkeys(self._network.keep, 1.0)
        predicted = self._session.run(self._network.logits, feed).argmax(axis=1)
        return float((predicted == labels).mean())

    def weights(self) -> list[np.ndarray]:
        """Return the trained weights, kernel and bias of each layer in turn."""
        return self._session.run(self._variables)

    def set_weights(self, weights: list[np.ndarray]) -> None:
        with self._session.graph.as_default():
            for variable, value in zip(self._variables, weights, strict=True):
                variable.load(value, self._session)

    def _train(self, batches: list[np.ndarray], dropout: bool) -> float:
        keep = self._network.keep if dropout else dict.fromkeys(self._network.keep, 1.0)
        wanted, losses = [self._network.train_step, self._network.loss], []
        for rows in batches:
            feed = {self._x: self._pixels[rows], self._y: self._one_hot[rows]} | keep
            losses.append(self._session.run(wanted, feed)[1])
        return float(np.mean(losses))

    def _batches_forever(self, random: np.random.Generator) -> Iterator[np.ndarray]:
        count, size = len(self._one_hot), self.program.batch_size
        if self.program.file_order:  # for start, end in zip(range(0, len(trX), 128), …)
            while True:
                for end in range(size, count + 1, size):
                    yield np.arange(end - size, end)
        # ``next_batch``: at the end of an epoch, a batch has the rest of its order and the
        # beginning of the next order. (55,000 images are 550 batches of 100: no rest.)
        order = random.permutation(count)
        while True:
            while len(order) < size:
                order = np.concatenate([order, random.permutation(count)])
            yield order[:size]
            order = order[size:]


def _pixels(images: np.ndarray) -> np.ndarray:
    """Convert to ``float32 [N, 784]`` in [0, 1], as ``read_data_sets`` does."""
    return np.multiply(images.reshape(len(images), 784), np.float32(1 / 255), dtype=np.float32)
