"""The compiled training steps, on images that are in the memory of the device.

One call runs many steps without returning to Python. Each step gathers its batch from the images on
the device. The result does not depend on how the steps are divided into calls.
"""

from collections.abc import Sequence

import numpy as np

from src.common.tensorflow import graph, keras, tf
from src.config.recipe import Recipe
from src.data.loader import Split
from src.training.augmentation import Augmenter
from src.training.execution import Execution
from src.training.forward import Forward, Moments, update_moving_moments
from src.training.network import build_model, build_optimizer


class Steps:
    """The networks and the optimizer of a recipe, and the steps that update them.

    Initial weights depend on Keras' global seed. The optimizer updates ``trained``. ``compute``
    predicts and computes gradients: the same network, or, with ``bfloat16``, a copy of it in this
    precision. ``exported`` is ``trained`` as well, or, if the recipe has averaging, a network with
    the moving averages of its weights.

    Args:
        shape: H and W of the images.
        classes: K; labels are 0 to K - 1.
        class_weights: ``float32 [K]``, factors of the losses of the images; None: all are 1.
        seed: of dropout and augmentation.
        total_steps: of the training, for a schedule of the learning rate.
        strategy: of the devices or workers that divide each batch.

    Attributes:
        exported: the model to validate and save, in float32, with layers of Keras only.
        images, labels: on the devices: a copy for each replica of this worker.
    """

    def __init__(
        self,
        recipe: Recipe,
        shape: Sequence[int],
        classes: int,
        class_weights: np.ndarray | None = None,
        *,
        batch_size: int,
        seed: int,
        total_steps: int,
        execution: Execution,
        strategy: tf.distribute.Strategy,
    ) -> None:
        self._recipe, self._batch_size, self._seed = recipe, batch_size, seed
        self._class_weights = class_weights
        self.strategy, (height, width) = strategy, shape
        with strategy.scope():
            self.exported = self._trained = build_model(recipe, height, width, classes)
            if recipe.averaging:
                self._trained = keras.models.clone_model(self.exported)
                self._trained.set_weights(self.exported.get_weights())
            self._compute = self._trained
            if execution.precision != "float32":
                self._compute = build_model(recipe, height, width, classes, execution.precision)
            self._forward = Forward(self._compute)
            self._augmenter = recipe.augmentation and Augmenter(recipe.augmentation, height, width)
            self._optimizer = build_optimizer(recipe, total_steps)
            weights = self._trained.trainable_variables
            # Weight decay is for kernels, not for biases and the scales of batch normalization.
            self._optimizer.exclude_from_weight_decay([v for v in weights if v.ndim == 1])
            self._optimizer.build(weights)
        self.exported.optimizer = None  # it is not compiled, but callbacks of Keras read this
        self.images = self.labels = None
        self._run = graph(self._run_slice, jit_compile=execution.compile == "xla")
        # XLA computes an update in one pass over the weights, also if the rest is a graph.
        single = execution.strategy == "single"
        self._apply = graph(self._update, jit_compile=True) if single else self._update

    def load(self, split: Split) -> None:
        """Replace the S images ``uint8 [S, H, W]`` and labels ``uint8 [S]`` on the devices."""
        self.images = self.labels = None  # release their memory first
        self.images, self.labels = map(self._on_devices, split)

    def _on_devices(self, array: np.ndarray) -> tf.Tensor:
        devices = self.strategy.extended.worker_devices

        def on_device(context: tf.distribute.experimental.ValueContext) -> tf.Tensor:
            with tf.device(devices[context.replica_id_in_sync_group % len(devices)]):
                return tf.constant(array)

        return self.strategy.experimental_distribute_values_from_function(on_device)

    def run(self, order: tf.Tensor, first: int, count: int) -> float:
        """Run ``count`` steps, and return the sum of their losses.

        Args:
            order: ``int32 [S]``: the rows of the images in the order in which the steps use them.
            first: index of the first step within the order.
        """
        self._copy_weights()  # in the first call, those of a checkpoint or the initial ones
        steps = order, tf.constant(first), tf.constant(count)
        return float(self._run(self.images, self.labels, *steps))

    def _run_slice(self, *arguments: tf.Tensor) -> tf.Tensor:
        images, labels, order, first, count = arguments

        def one_step(step: tf.Tensor, total: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            rows = tf.slice(order, [step * self._batch_size], [self._batch_size])
            loss = self.strategy.run(self.train_step, (images, labels, rows))
            loss = self.strategy.reduce(tf.distribute.ReduceOp.SUM, loss, axis=None)
            # In 64 bits: the order of additions, which slices change, does not reach the history.
            return step + 1, total + tf.cast(loss, tf.float64)

        start = first, tf.zeros([], tf.float64)
        return tf.while_loop(lambda step, _: step < first + count, one_step, start)[1]

    def train_step(self, images: tf.Tensor, labels: tf.Tensor, rows: tf.Tensor) -> tf.Tensor:
        """Run one step, and return the mean loss ``float32 []`` of the batch.

        With several replicas, the sum of their results is the mean.

        Args:
            images: ``uint8 [S, H, W]``.
            labels: ``uint8 [S]``.
            rows: ``int32 [batch_size]``: the indices of the images of the batch.
        """
        seed = tf.stack([self._seed, tf.cast(self._optimizer.iterations, tf.int32)])
        masks = self._forward.draw_masks(self._batch_size, seed)
        changes = None
        if self._augmenter:  # other numbers than those of the masks
            changes = self._augmenter.draw(self._batch_size, tf.bitwise.invert(seed))
        replicas = self.strategy.num_replicas_in_sync
        if replicas > 1:
            replica = tf.distribute.get_replica_context().replica_id_in_sync_group
            replica = tf.cast(replica, tf.int32)
            first, end = (i * self._batch_size // replicas for i in (replica, replica + 1))
            rows, masks = rows[first:end], [mask[first:end] for mask in masks]
            changes = None if changes is None else changes[first:end]
        labels = tf.cast(tf.gather(labels, rows), tf.int32)
        images = tf.gather(images, rows)
        if self._augmenter:
            images = self._augmenter.apply(images, changes)
        with tf.GradientTape() as tape:
            logits, moments = self._forward.logits(images, masks)
            loss = tf.reduce_mean(self._losses(labels, logits))
            if replicas > 1:  # the optimizer sums the gradients of all replicas
                loss *= tf.size(rows, tf.float32) / self._batch_size
        self._apply(tape.gradient(loss, self._compute.trainable_variables), moments)
        return loss

    def _losses(self, labels: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
        """The cross-entropy of each image, with smoothed labels and weights if there are any."""
        losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits)
        if smoothing := self._recipe.label_smoothing:
            uniform = -tf.reduce_mean(tf.nn.log_softmax(logits), axis=1)
            losses = (1 - smoothing) * losses + smoothing * uniform
        if self._class_weights is not None:
            losses *= tf.gather(self._class_weights, labels)
        return losses

    def _update(self, gradients: list[tf.Tensor], moments: list[Moments]) -> None:
        """Change the weights by the gradients of the mean loss, and all that depends on them."""
        weights = self._trained.trainable_variables
        gradients = [tf.cast(gradient, tf.float32) for gradient in gradients]
        if l2 := self._recipe.l2:  # the optimizer sums the gradients of all replicas
            replicas = tf.distribute.get_replica_context().num_replicas_in_sync
            penalties = [l2 * v / replicas if v.regularizer else 0 for v in weights]
            gradients = [a + b for a, b in zip(gradients, penalties, strict=True)]
        self._optimizer.apply(gradients, weights)
        update_moving_moments(self._trained, moments)
        if self._recipe.averaging:
            step = tf.cast(self._optimizer.iterations, tf.float32)
            # As tf.train.ExponentialMovingAverage of TensorFlow 1 with num_updates.
            decay = tf.minimum(self._recipe.averaging.decay, (1 + step) / (10 + step))
            for average, value in zip(self.exported.weights, self._trained.weights, strict=True):
                average.assign(decay * average + (1 - decay) * value)
        self._copy_weights()

    def _copy_weights(self) -> None:
        """Copy the weights to the network that computes with them, if that is another one."""
        if self._compute is not self._trained:
            for copy, weights in zip(self._compute.weights, self._trained.weights, strict=True):
                copy.assign(tf.cast(weights, copy.dtype))

    def learning_rate(self) -> float:
        """Return the learning rate of the next step."""
        return float(tf.convert_to_tensor(self._optimizer.learning_rate))

    def variables(self) -> list[keras.Variable]:
        """Return all that a step changes: weights, averages, optimizer state."""
        averages = [] if self.exported is self._trained else self.exported.weights
        return [*self._trained.weights, *averages, *self._optimizer.variables]
