"""Programs that training is compared with: Keras' ``fit``, and the feed loop of TensorFlow 1."""

import keras
import numpy as np
import tensorflow as tf

from src.config.recipe import Recipe
from src.models.network import build_model, build_optimizer, initial_values


class KerasFit:
    """Keras' ``compile`` and ``fit`` with default settings, without the average of the weights.

    Takes images ``uint8 [N, H, W]`` and labels ``uint8 [N]``, like ``FeedLoop``.
    """

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

    def train_epoch(self) -> float:
        """Train for one epoch, without validation; return the mean loss of its batches."""
        return self._fit(*self._data, self._recipe.shuffle)

    def train(self, rows: np.ndarray) -> float:
        """Train on the images with the indices ``rows``, in this order; return the mean loss."""
        images, labels = self._data
        return self._fit(images[rows], labels[rows], shuffle=False)

    def accuracy(self, images: np.ndarray, labels: np.ndarray) -> float:
        """Return the accuracy of the current weights."""
        return float((self._model.predict(images, verbose=0).argmax(axis=1) == labels).mean())

    def _fit(self, images: np.ndarray, labels: np.ndarray, shuffle: bool) -> float:
        settings = {"batch_size": self._recipe.batch_size, "shuffle": shuffle, "verbose": 0}
        return self._model.fit(images, labels, **settings).history["loss"][0]


class FeedLoop:
    """The training loop of TensorFlow 1: a step is a call of ``Session.run``.

    Each call feeds a batch, float32 values in host memory, to the placeholders of the graph.
    """

    def __init__(
        self, recipe: Recipe, images: np.ndarray, labels: np.ndarray, seed: int = 1
    ) -> None:
        keras.utils.set_random_seed(seed)  # for the initial weights
        self._recipe, self._random = recipe, np.random.default_rng(seed)
        self._images = images.reshape(len(images), -1).astype(np.float32) / 255
        self._labels = labels.astype(np.int64)
        with tf.Graph().as_default() as graph:
            tf.compat.v1.set_random_seed(seed)  # for dropout
            self._dropout_factor = tf.compat.v1.placeholder_with_default(1.0, [])  # 0: no dropout
            self._pixels = tf.compat.v1.placeholder(tf.float32, [None, self._images.shape[1]])
            self._targets = tf.compat.v1.placeholder(tf.int64, [None])
            self._kernels: list[tf.Variable] = []
            self._logits = self._build_network(images.shape[1:], int(labels.max()) + 1)
            self._loss = tf.reduce_mean(
                tf.nn.sparse_softmax_cross_entropy_with_logits(self._targets, self._logits)
            )
            self._train_step = self._build_train_step()
            self._session = tf.compat.v1.Session(graph=graph)
            self._session.run(tf.compat.v1.global_variables_initializer())

    def train_epoch(self) -> float:
        count = len(self._labels)
        return self.train(
            self._random.permutation(count) if self._recipe.shuffle else np.arange(count)
        )

    def train(self, rows: np.ndarray) -> float:
        batch, losses = self._recipe.batch_size, []
        for first in range(0, len(rows) - batch + 1, batch):
            chosen = rows[first : first + batch]
            feed = {self._pixels: self._images[chosen], self._targets: self._labels[chosen]}
            losses.append(self._session.run([self._train_step, self._loss], feed)[1])
        return float(np.mean(losses))

    def accuracy(self, images: np.ndarray, labels: np.ndarray) -> float:
        pixels = images.reshape(len(images), -1).astype(np.float32) / 255
        feed = {self._pixels: pixels, self._dropout_factor: 0.0}
        return float((self._session.run(self._logits, feed).argmax(axis=1) == labels).mean())

    def _build_network(self, size: tuple[int, int], classes: int) -> tf.Tensor:
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
        return tf.nn.dropout(x, rate=rate * self._dropout_factor) if rate else x

    def _dense(self, x: tf.Tensor, units: int) -> tf.Tensor:
        x = tf.matmul(x, self._weights([x.shape[-1], units]))
        bias = initial_values(self._recipe)["bias_initializer"]
        return x + tf.compat.v1.Variable(bias([units]), use_resource=True) if bias else x

    def _weights(self, shape: list[int]) -> tf.Variable:
        values = initial_values(self._recipe)["kernel_initializer"](shape)
        self._kernels.append(tf.compat.v1.Variable(values, use_resource=True))
        return self._kernels[-1]

    def _build_train_step(self) -> tf.Operation:
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


Baseline = KerasFit | FeedLoop
