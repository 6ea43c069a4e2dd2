"""The training loop: the training split lives on the device, many steps are one compiled call.

A slice of an epoch, about half a second of steps, feeds nothing and returns to Python once: it
gathers each batch from the images on the device, by the epoch's order, and steps. What a step
computes does not depend on how the steps are sliced, nor on interruptions.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypedDict

import keras
import numpy as np
import tensorflow as tf

from src import metrics
from src.checkpoint import Checkpoint
from src.errors import PipelineError
from src.execution import Execution
from src.inference import Predictor
from src.model import build_model, build_optimizer
from src.recipe import Recipe

Split = tuple[np.ndarray, np.ndarray]  # images uint8 [N, H, W], labels uint8 [N]
SLICE_SECONDS = 0.5  # long enough to hide Python, short enough to show progress


class Row(TypedDict):
    """A validation during training: a row of ``history.csv``."""

    epoch: float  # passes over the training split
    step: int  # batches
    loss: float  # mean cross-entropy of the batches since the last row, without the L2 penalty
    validation_loss: float
    validation_accuracy: float
    learning_rate: float
    seconds: float  # since the last row


@dataclass(frozen=True)
class Training:
    """What a training gives: the model to use, its history, its weights after each row."""

    model: keras.Model
    history: list[Row]
    weights_by_epoch: np.ndarray | None  # float32 [rows, weights]


class Trainer:
    """One training; the same arguments on the same machine give the same weights.

    A batch larger than the split is the split; images that fill no batch are left to the next
    epoch's order.

    Args:
        recipe: what to train.
        training: images ``uint8 [N, H, W]`` and labels ``uint8 [N]``.
        validation: the same, for the rows of the history.
        classes: K; labels are 0 to K - 1.
        seed: of initial weights, order of the images, and dropout.
        execution: device, compilation and precision.
        keep_epochs: whether to keep the weights of each row.
    """

    def __init__(
        self,
        recipe: Recipe,
        training: Split,
        validation: Split,
        classes: int,
        seed: int,
        execution: Execution,
        keep_epochs: bool = False,
    ) -> None:
        keras.utils.set_random_seed(seed)
        self._recipe, self._seed, self._execution = recipe, seed, execution
        self._validation, self._keep_epochs = validation, keep_epochs
        images, labels = training
        self._count = len(labels)
        self._batch = min(recipe.batch_size, self._count)
        self._steps_per_epoch = self._count // self._batch
        self._total_steps = recipe.steps or recipe.epochs * self._steps_per_epoch
        self._validate_every = recipe.validate_every or self._steps_per_epoch

        self._strategy = execution.strategy()
        with self._strategy.scope():
            self._images = tf.constant(np.ascontiguousarray(images))
            self._labels = tf.constant(np.ascontiguousarray(labels))
            self.model = build_model(recipe, *images.shape[1:], classes)
            # What validates and is kept: the model, or the moving average of its weights.
            self.averaged = keras.models.clone_model(self.model) if recipe.averaging else self.model
            self.averaged.set_weights(self.model.get_weights())
            self._optimizer = build_optimizer(recipe, self._total_steps)
            self._optimizer.build(self.model.trainable_variables)
        self.averaged.optimizer = None  # it is not compiled; Keras' callbacks ask all the same
        self._run_slice = tf.function(self._slice, jit_compile=execution.compile == "xla")
        self._predictor = Predictor(self.averaged)

        self._step, self._losses, self._row_seconds = 0, 0.0, 0.0
        self._history: list[Row] = []
        self._kept: list[np.ndarray] = []

    def run(
        self,
        callbacks: Sequence[keras.callbacks.Callback] = (),
        checkpoint: Checkpoint | None = None,
    ) -> Training:
        """Train, from the checkpoint if there is one, to the end.

        Args:
            callbacks: Keras callbacks; a row of the history is their epoch, a slice their batch.
            checkpoint: written now and then, and at the end; for the caller to remove.

        Raises:
            PipelineError: the loss is not finite any more.
        """
        stopping = self._early_stopping()
        watchers = keras.callbacks.CallbackList([*stopping, *callbacks], model=self.averaged)
        watchers.set_params(
            {"total_steps": self._total_steps, "steps_per_epoch": self._steps_per_epoch}
        )
        self.averaged.stop_training = False
        watchers.on_train_begin()
        if checkpoint:
            self._restore(checkpoint)
            for index, row in enumerate(self._history):
                for callback in stopping:
                    callback.on_epoch_end(index, _logs(row))
        complete = self._complete()
        slice_steps, order_epoch = 1, None
        while not self._complete():
            started = time.perf_counter()
            epoch, first = divmod(self._step, self._steps_per_epoch)
            if epoch != order_epoch:
                order, order_epoch = self._order(epoch), epoch
            next_row = (self._step // self._validate_every + 1) * self._validate_every
            next_row = min(self._total_steps, next_row)
            count = min(slice_steps, self._steps_per_epoch - first, next_row - self._step)
            watchers.on_train_batch_begin(self._step)
            with self._execution.reduced_precision():
                loss = float(self._run_slice(order, tf.constant(first), tf.constant(count)))
            seconds = time.perf_counter() - started
            slice_steps = max(1, min(2 * count, int(count * SLICE_SECONDS / seconds)))
            self._step += count
            self._losses += loss
            if not np.isfinite(loss):
                raise PipelineError(
                    f"the loss is not finite any more between steps {self._step - count} and "
                    f"{self._step} of {self._total_steps}; a smaller learning_rate or stddev in "
                    "the recipe usually mends it"
                )
            watchers.on_train_batch_end(self._step - 1, {"loss": loss / count})
            if self._step == next_row:
                self._row_seconds += time.perf_counter() - started
                started = time.perf_counter()
                row = self._validate()
                watchers.on_epoch_end(len(self._history) - 1, _logs(row))
            self._row_seconds += time.perf_counter() - started
            if checkpoint and checkpoint.due():
                checkpoint.save(*self._state())
        if checkpoint and not complete:
            checkpoint.save(*self._state())
        watchers.on_train_end()
        kept = np.stack(self._kept) if self._kept else None
        return Training(self.averaged, self._history, kept)

    def _complete(self) -> bool:
        return self._step >= self._total_steps or self.averaged.stop_training

    def _slice(self, order: tf.Tensor, first: tf.Tensor, count: tf.Tensor) -> tf.Tensor:
        """Run steps ``first`` to ``first + count`` of an epoch; the sum of their losses.

        Args:
            order: ``int32 [N]``, the epoch's order of the images.
            first: step within the epoch.
            count: number of steps.
        """
        # Not `for … in tf.range(…)`: XLA would compile it anew for each number of steps.
        total, step = tf.zeros([], tf.float64), first
        while step < first + count:
            rows = tf.slice(order, [step * self._batch], [self._batch])
            loss = self._strategy.run(self._train_step, (rows,))
            loss = self._strategy.reduce(tf.distribute.ReduceOp.MEAN, loss, axis=None)
            total += tf.cast(loss, tf.float64)  # so that slicing does not show in the sum
            step += 1
        return total

    def _train_step(self, rows: tf.Tensor) -> tf.Tensor:
        """One step on the images at ``rows``; their mean cross-entropy."""
        variables = self.model.trainable_variables
        labels = tf.cast(tf.gather(self._labels, rows), tf.int32)
        with tf.GradientTape() as tape:
            logits = self.model(tf.gather(self._images, rows), training=True)
            loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits))
            penalized = tf.add_n([loss, *self.model.losses])
        self._optimizer.apply(tape.gradient(penalized, variables), variables)
        if self._recipe.averaging:
            step = tf.cast(self._optimizer.iterations, tf.float32)
            decay = tf.minimum(self._recipe.averaging.decay, (1 + step) / (10 + step))
            for average, variable in zip(self.averaged.trainable_variables, variables, strict=True):
                average.assign(decay * average + (1 - decay) * variable)
        return loss

    def _order(self, epoch: int) -> tf.Tensor:
        order = tf.range(self._count)
        if self._recipe.shuffle:
            order = tf.random.experimental.stateless_shuffle(order, seed=(self._seed, epoch))
        return order

    def _validate(self) -> Row:
        """Add a row to the history."""
        started = time.perf_counter()
        logits = self._predictor.logits(self._validation[0])
        before = self._history[-1]["step"] if self._history else 0
        row = Row(
            epoch=round(self._step / self._steps_per_epoch, 4),
            step=self._step,
            loss=round(self._losses / (self._step - before), 7),
            validation_loss=metrics.cross_entropy(logits, self._validation[1]),
            validation_accuracy=metrics.accuracy(logits, self._validation[1]),
            learning_rate=float(self._optimizer.learning_rate),
            seconds=round(self._row_seconds + time.perf_counter() - started, 4),
        )
        self._history.append(row)
        if self._keep_epochs:
            self._kept.append(np.concatenate([w.ravel() for w in self.averaged.get_weights()]))
        self._losses, self._row_seconds = 0.0, 0.0
        return row

    def _early_stopping(self) -> list[keras.callbacks.Callback]:
        settings = self._recipe.early_stopping
        if settings is None:
            return []
        return [keras.callbacks.EarlyStopping(settings.monitor, patience=settings.patience)]

    def _variables(self) -> list[keras.Variable]:
        """All that a step changes: weights, averages, the optimizer's state, dropout's seeds."""
        averages = [] if self.averaged is self.model else self.averaged.variables
        return [*self.model.variables, *averages, *self._optimizer.variables]

    def _state(self) -> tuple[dict[str, Any], list[np.ndarray]]:
        state = {
            "step": self._step,
            "losses": self._losses,
            "row_seconds": self._row_seconds,
            "history": self._history,
        }
        return state, [np.asarray(each) for each in self._variables()] + self._kept

    def _restore(self, checkpoint: Checkpoint) -> None:
        """Go on from the checkpoint, if it fits."""
        saved = checkpoint.load()
        if saved is None:
            return
        state, arrays = saved
        variables = self._variables()
        kept = arrays[len(variables) :]
        shapes = [tuple(each.shape) for each in variables]
        if shapes != [each.shape for each in arrays[: len(variables)]] or (
            len(kept) != self._keep_epochs * len(state["history"])
        ):
            checkpoint.discard("does not fit this training")
            return
        for variable, value in zip(variables, arrays, strict=False):
            variable.assign(value)
        self._step, self._history, self._kept = state["step"], state["history"], kept
        self._losses, self._row_seconds = state["losses"], state["row_seconds"]
        if self._step < self._total_steps:
            print(f"{checkpoint.name}: going on from step {self._step} of {self._total_steps}")
        else:
            print(f"{checkpoint.name}: the training is complete already")


def _logs(row: Row) -> dict[str, float]:
    """A row by the names that Keras' callbacks know."""
    names = {"validation_loss": "val_loss", "validation_accuracy": "val_accuracy"}
    return {names.get(key, key): value for key, value in row.items()}
