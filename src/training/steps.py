"""The compiled part of a training: steps over images that lie on the device.

A call runs many steps, feeds nothing, and returns to Python once: it gathers each batch from the
images on the device, by a given order. What a step computes does not depend on how the steps are
divided into calls.
"""

import keras
import numpy as np
import tensorflow as tf

from src.config.recipe import Recipe
from src.data.loader import Split
from src.models.network import build_model, build_optimizer, own_rows
from src.training.distributed import Worker, make_strategy
from src.training.execution import Execution


class Steps:
    """A recipe's model and optimizer, and the steps that change them.

    Args:
        recipe: what to train; initial weights are drawn from Keras' global seed.
        shape: H and W of the images.
        classes: K; labels are 0 to K - 1.
        batch: images in a step.
        total_steps: over which a schedule of the learning rate is spread.
        execution: device, compilation, precision, and strategy.
        worker: who this process is among those that train the model.

    Attributes:
        model: what validates and is kept; in float32, and made of Keras' own layers.
        strategy: of the devices, or workers, that share a step.
        images, labels: where they lie: a copy on each device of this worker.
    """

    def __init__(
        self,
        recipe: Recipe,
        shape: tuple[int, int],
        classes: int,
        batch: int,
        total_steps: int,
        execution: Execution,
        worker: Worker,
    ) -> None:
        self._recipe, self._batch, self._execution = recipe, batch, execution
        self.strategy = make_strategy(execution.strategy, execution.device, worker)
        with self.strategy.scope():
            self.model = build_model(recipe, *shape, classes)
            self._trained = self._model_to_train(*shape, classes)
            self._optimizer = build_optimizer(recipe, total_steps)
            self._optimizer.build(self._trained.trainable_variables)
        self.model.optimizer = None  # it is not compiled; Keras' callbacks ask all the same
        self.images = self.labels = None
        self._run = tf.function(self._run_slice, jit_compile=execution.compile == "xla")

    def _model_to_train(self, height: int, width: int, classes: int) -> keras.Model:
        """``self.model`` itself, or one that begins with its weights and its seeds."""
        policy, replicas = self._execution.policy(), self.strategy.num_replicas_in_sync
        if policy != "float32" or replicas > 1:
            shared = self._batch if replicas > 1 else None
            other = build_model(self._recipe, height, width, classes, policy, shared)
        elif self._recipe.averaging:
            other = keras.models.clone_model(self.model)
        else:
            return self.model
        for mine, its in zip(other.variables, self.model.variables, strict=True):
            mine.assign(its)
        return other

    def bring(self, split: Split) -> None:
        """Put images ``uint8 [S, H, W]`` and labels ``uint8 [S]`` in the place of the last."""
        self.images = self.labels = None  # room first
        self.images, self.labels = map(self._on_devices, split)

    def _on_devices(self, array: np.ndarray) -> tf.Tensor:
        devices = self.strategy.extended.worker_devices

        def on_device(context: tf.distribute.experimental.ValueContext) -> tf.Tensor:
            with tf.device(devices[context.replica_id_in_sync_group % len(devices)]):
                return tf.constant(array)

        return self.strategy.experimental_distribute_values_from_function(on_device)

    def run(self, order: tf.Tensor, first: int, count: int) -> float:
        """Do ``count`` steps; the sum of their losses.

        Args:
            order: ``int32 [S]``, in which steps take the images.
            first: how many steps' images to skip in it.
            count: number of steps.
        """
        part = order, tf.constant(first), tf.constant(count)
        with self._execution.rewritten():
            return float(self._run(self.images, self.labels, *part))

    def _run_slice(
        self,
        images: tf.Tensor,
        labels: tf.Tensor,
        order: tf.Tensor,
        first: tf.Tensor,
        count: tf.Tensor,
    ) -> tf.Tensor:
        # Not `for … in tf.range(…)`: XLA would compile it anew for each number of steps.
        total, step = tf.zeros([], tf.float64), first
        while step < first + count:
            rows = tf.slice(order, [step * self._batch], [self._batch])
            loss = self.strategy.run(self.train_step, (images, labels, rows))
            loss = self.strategy.reduce(tf.distribute.ReduceOp.SUM, loss, axis=None)
            total += tf.cast(loss, tf.float64)  # so that slicing does not show in the sum
            step += 1
        return total

    def train_step(self, images: tf.Tensor, labels: tf.Tensor, rows: tf.Tensor) -> tf.Tensor:
        """One step on the images at ``rows``; this replica's part of their mean cross-entropy.

        Args:
            images: ``uint8 [S, H, W]``.
            labels: ``uint8 [S]``.
            rows: ``int32 [batch]``.
        """
        variables, replicas = self._trained.trainable_variables, self.strategy.num_replicas_in_sync
        if replicas > 1:
            first, end = own_rows(self._batch)
            rows = rows[first:end]
        labels = tf.cast(tf.gather(labels, rows), tf.int32)
        with tf.GradientTape() as tape:
            logits = self._trained(tf.gather(images, rows), training=True)
            loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits))
            penalties = self._trained.losses
            if replicas > 1:  # the optimizer sums the gradients of all
                loss *= tf.size(rows, tf.float32) / self._batch
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
        """Give ``model`` the weights of the last step."""
        if self._trained is not self.model and not self._recipe.averaging:
            self.model.set_weights(self._trained.get_weights())

    def learning_rate(self) -> float:
        """That of the next step."""
        return float(tf.convert_to_tensor(self._optimizer.learning_rate))

    def variables(self) -> list[keras.Variable]:
        """All that a step changes: weights, averages, the optimizer's state, dropout's seeds."""
        averages = self.model.variables if self._recipe.averaging else []
        return [*self._trained.variables, *averages, *self._optimizer.variables]
