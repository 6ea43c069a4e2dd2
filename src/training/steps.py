"""The compiled training steps, on images that are in the memory of the device.

One call runs many steps without returning to Python. Each step gathers its batch from the images on
the device. The result does not depend on how the steps are divided into calls.
"""

import numpy as np

from src.common.tensorflow import keras, tf
from src.config.recipe import Recipe
from src.data.loader import Split
from src.models.network import build_model, build_optimizer, replica_rows
from src.training.execution import Execution


class Steps:
    """The model and the optimizer of a recipe, and the steps that update them.

    Initial weights depend on Keras' global seed.

    Args:
        shape: H and W of the images.
        classes: K; labels are 0 to K - 1.
        total_steps: of the training, for a schedule of the learning rate.
        strategy: of the devices or workers that divide each batch.

    Attributes:
        model: the model to validate and save, in float32, with layers of Keras only.
        images, labels: on the devices: a copy for each replica of this worker.
    """

    def __init__(
        self,
        recipe: Recipe,
        shape: tuple[int, int],
        classes: int,
        batch_size: int,
        total_steps: int,
        execution: Execution,
        strategy: tf.distribute.Strategy,
    ) -> None:
        self._recipe, self._batch_size, self._execution = recipe, batch_size, execution
        self.strategy = strategy
        with strategy.scope():
            self.model = build_model(recipe, *shape, classes)
            self._trained = self._model_to_train(*shape, classes)
            self._optimizer = build_optimizer(recipe, total_steps)
            self._optimizer.build(self._trained.trainable_variables)
        self.model.optimizer = None  # the model is not compiled, but callbacks of Keras read this
        self.images = self.labels = None
        self._run = tf.function(self._run_slice, jit_compile=execution.compile == "xla")

    def _model_to_train(self, height: int, width: int, classes: int) -> keras.Model:
        """Return ``self.model``, or another model with the same initial weights and seeds."""
        policy, replicas = self._execution.policy(), self.strategy.num_replicas_in_sync
        if policy != "float32" or replicas > 1:
            global_batch = self._batch_size if replicas > 1 else None
            other = build_model(self._recipe, height, width, classes, policy, global_batch)
        elif self._recipe.averaging:
            other = keras.models.clone_model(self.model)
        else:
            return self.model
        for target, source in zip(other.variables, self.model.variables, strict=True):
            target.assign(source)
        return other

    def load(self, split: Split) -> None:
        """Replace the images ``uint8 [S, H, W]`` and labels ``uint8 [S]`` on the devices."""
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
        steps = order, tf.constant(first), tf.constant(count)
        with self._execution.graph_rewriter():
            return float(self._run(self.images, self.labels, *steps))

    def _run_slice(
        self,
        images: tf.Tensor,
        labels: tf.Tensor,
        order: tf.Tensor,
        first: tf.Tensor,
        count: tf.Tensor,
    ) -> tf.Tensor:
        # For `for … in tf.range(…)`, XLA would compile again for each number of steps.
        total, step = tf.zeros([], tf.float64), first
        while step < first + count:
            rows = tf.slice(order, [step * self._batch_size], [self._batch_size])
            loss = self.strategy.run(self.train_step, (images, labels, rows))
            loss = self.strategy.reduce(tf.distribute.ReduceOp.SUM, loss, axis=None)
            total += tf.cast(loss, tf.float64)  # the sum must not depend on slicing
            step += 1
        return total

    def train_step(self, images: tf.Tensor, labels: tf.Tensor, rows: tf.Tensor) -> tf.Tensor:
        """Run one step, and return the mean cross-entropy ``float32 []`` of the batch.

        With several replicas, the sum of their results is the mean.

        Args:
            images: ``uint8 [S, H, W]``.
            labels: ``uint8 [S]``.
            rows: ``int32 [batch_size]``: the images of the batch.
        """
        variables, replicas = self._trained.trainable_variables, self.strategy.num_replicas_in_sync
        if replicas > 1:
            first, end = replica_rows(self._batch_size)
            rows = rows[first:end]
        labels = tf.cast(tf.gather(labels, rows), tf.int32)
        with tf.GradientTape() as tape:
            logits = self._trained(tf.gather(images, rows), training=True)
            loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits))
            penalties = self._trained.losses
            if replicas > 1:  # the optimizer sums the gradients of all replicas
                loss *= tf.size(rows, tf.float32) / self._batch_size
                penalties = [penalty / replicas for penalty in penalties]
            penalized = tf.add_n([loss, *penalties])
        self._optimizer.apply(tape.gradient(penalized, variables), variables)
        if self._recipe.averaging:
            step = tf.cast(self._optimizer.iterations, tf.float32)
            decay = tf.minimum(self._recipe.averaging.decay, (1 + step) / (10 + step))
            for average, variable in zip(self.model.trainable_variables, variables, strict=True):
                average.assign(decay * average + (1 - decay) * variable)
        return loss

    def update_model(self) -> None:
        """Copy the trained weights to ``model``, if it is another model and has no averages."""
        if self._trained is not self.model and not self._recipe.averaging:
            self.model.set_weights(self._trained.get_weights())

    def learning_rate(self) -> float:
        """Return the learning rate of the next step."""
        return float(tf.convert_to_tensor(self._optimizer.learning_rate))

    def variables(self) -> list[keras.Variable]:
        """Return all that a step changes: weights, averages, optimizer state, dropout seeds."""
        averages = self.model.variables if self._recipe.averaging else []
        return [*self._trained.variables, *averages, *self._optimizer.variables]
