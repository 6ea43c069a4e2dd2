"""What the training loop is measured against: the tutorials' way, and stock Keras."""

from typing import Protocol

import keras
import numpy as np
import tensorflow as tf

from src.config.recipe import Recipe
from src.models.network import build_model, build_optimizer

tf.get_logger().setLevel("ERROR")  # it warns of what a peer must do: TensorFlow 1, many graphs


class Peer(Protocol):
    """A program that trains a recipe."""

    def epoch(self) -> float:
        """Train for an epoch, without validation; the mean loss of its batches."""

    def train(self, rows: np.ndarray) -> float:
        """Train on the images at ``rows``, in this order; the mean loss of their batches."""

    def accuracy(self, images: np.ndarray, labels: np.ndarray) -> float:
        """The share of images that the model as it is gets right."""


class KerasFit:
    """Stock Keras: ``compile`` and ``fit`` with default settings. Weights are not averaged."""

    def __init__(
        self, recipe: Recipe, images: np.ndarray, labels: np.ndarray, seed: int = 1
    ) -> None:
        keras.utils.set_random_seed(seed)
        self._data, self._recipe = (images, labels), recipe
        self._model = build_model(recipe, *images.shape[1:], int(labels.max()) + 1)
        steps = recipe.steps or recipe.epochs * (len(labels) // recipe.batch_size)
        self._model.compile(
            build_optimizer(recipe, steps),
            keras.losses.SparseCategoricalCrossentropy(from_logits=True),
            metrics=["accuracy"],
        )

    def epoch(self) -> float:
        return self._fit(*self._data, self._recipe.shuffle)

    def train(self, rows: np.ndarray) -> float:
        images, labels = self._data
        return self._fit(images[rows], labels[rows], shuffle=False)

    def accuracy(self, images: np.ndarray, labels: np.ndarray) -> float:
        return float((self._model.predict(images, verbose=0).argmax(axis=1) == labels).mean())

    def _fit(self, images: np.ndarray, labels: np.ndarray, shuffle: bool) -> float:
        settings = {"batch_size": self._recipe.batch_size, "shuffle": shuffle, "verbose": 0}
        return self._model.fit(images, labels, **settings).history["loss"][0]


class FeedLoop:
    """The TensorFlow 1 way: a session, fed batch by batch from float32 arrays on the host."""

    def __init__(
        self, recipe: Recipe, images: np.ndarray, labels: np.ndarray, seed: int = 1
    ) -> None:
        self._recipe, self._random = recipe, np.random.default_rng(seed)
        self._images = images.reshape(len(images), -1).astype(np.float32) / 255
        self._labels = labels.astype(np.int64)
        with tf.Graph().as_default() as graph:
            tf.compat.v1.set_random_seed(seed)
            self._dropping = tf.compat.v1.placeholder_with_default(1.0, [])  # or 0.0: no dropout
            self._pixels = tf.compat.v1.placeholder(tf.float32, [None, self._images.shape[1]])
            self._answers = tf.compat.v1.placeholder(tf.int64, [None])
            self._kernels: list[tf.Variable] = []
            self._logits = self._network(images.shape[1:], int(labels.max()) + 1)
            self._loss = tf.reduce_mean(
                tf.nn.sparse_softmax_cross_entropy_with_logits(self._answers, self._logits)
            )
            self._step = self._training()
            self._session = tf.compat.v1.Session(graph=graph)
            self._session.run(tf.compat.v1.global_variables_initializer())

    def epoch(self) -> float:
        count = len(self._labels)
        return self.train(
            self._random.permutation(count) if self._recipe.shuffle else np.arange(count)
        )

    def train(self, rows: np.ndarray) -> float:
        batch, losses = self._recipe.batch_size, []
        for first in range(0, len(rows) - batch + 1, batch):
            own = rows[first : first + batch]
            feed = {self._pixels: self._images[own], self._answers: self._labels[own]}
            losses.append(self._session.run([self._step, self._loss], feed)[1])
        return float(np.mean(losses))

    def accuracy(self, images: np.ndarray, labels: np.ndarray) -> float:
        pixels = images.reshape(len(images), -1).astype(np.float32) / 255
        feed = {self._pixels: pixels, self._dropping: 0.0}
        return float((self._session.run(self._logits, feed).argmax(axis=1) == labels).mean())

    def _network(self, size: tuple[int, int], classes: int) -> tf.Tensor:
        recipe, x = self._recipe, self._pixels
        activation = getattr(tf.nn, getattr(recipe, "activation", "relu"))
        if recipe.family == "cnn":
            x = tf.reshape(x, [-1, *size, 1])
            for filters in recipe.filters:
                kernel = self._weights([recipe.kernel, recipe.kernel, x.shape[-1], filters])
                x = activation(tf.nn.conv2d(x, kernel, strides=1, padding="SAME"))
                x = tf.nn.max_pool2d(x, recipe.pool, recipe.pool, padding="SAME")
                x = self._dropout(x, recipe.dropout.convolutions)
            x = tf.reshape(x, [-1, int(np.prod(x.shape[1:]))])
        if recipe.family == "mlp":
            x = self._dropout(x, recipe.dropout.inputs)
        for units in getattr(recipe, "hidden", []):
            x = self._dropout(activation(self._dense(x, units)), recipe.dropout.hidden)
        return self._dense(x, classes)

    def _dropout(self, x: tf.Tensor, rate: float) -> tf.Tensor:
        return tf.nn.dropout(x, rate=rate * self._dropping) if rate else x

    def _dense(self, x: tf.Tensor, units: int) -> tf.Tensor:
        x = tf.matmul(x, self._weights([x.shape[-1], units]))
        return x if self._recipe.bias.kind == "none" else x + _variable(self._recipe.bias, [units])

    def _weights(self, shape: list[int]) -> tf.Variable:
        self._kernels.append(_variable(self._recipe.weights, shape))
        return self._kernels[-1]

    def _training(self) -> tf.Operation:
        recipe, v1 = self._recipe, tf.compat.v1.train
        step = v1.get_or_create_global_step()
        rate = recipe.optimizer.learning_rate
        if recipe.schedule:
            schedule = recipe.schedule
            rate = v1.exponential_decay(rate, step, schedule.decay_steps, schedule.decay_rate)
        match recipe.optimizer.kind:
            case "sgd":
                optimizer = v1.GradientDescentOptimizer(rate)
            case "adam":
                optimizer = v1.AdamOptimizer(rate)
            case "rmsprop":
                optimizer = v1.RMSPropOptimizer(rate, recipe.optimizer.rho)
        loss = self._loss
        if recipe.l2:
            loss += recipe.l2 * tf.add_n([tf.nn.l2_loss(kernel) for kernel in self._kernels])
        minimize = optimizer.minimize(loss, step)
        if not recipe.averaging:
            return minimize
        average = tf.train.ExponentialMovingAverage(recipe.averaging.decay, step)
        with tf.control_dependencies([minimize]):
            return average.apply(tf.compat.v1.trainable_variables())


def _variable(initial, shape: list[int]) -> tf.Variable:
    match initial.kind:
        case "zeros":
            value = tf.zeros(shape)
        case "constant":
            value = tf.fill(shape, float(initial.value))
        case "normal":
            value = tf.random.normal(shape, initial.mean, initial.stddev)
        case "truncated_normal":
            value = tf.random.truncated_normal(shape, initial.mean, initial.stddev)
        case "glorot_uniform":
            value = tf.initializers.GlorotUniform()(shape)
    return tf.compat.v1.Variable(value, use_resource=True)
