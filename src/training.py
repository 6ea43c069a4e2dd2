"""The training loop: a window of the images lives on the device, many steps are one compiled call.

A slice of a window, about half a second of steps, feeds nothing and returns to Python once: it
gathers each batch from the images on the device, by the window's order, and steps. What a step
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
from src.cluster import ALONE, Worker, from_chief, make_strategy
from src.errors import PipelineError
from src.execution import Execution
from src.inference import Predictor
from src.model import build_model, build_optimizer, own_rows
from src.recipe import Recipe
from src.windows import Split, Windows

SLICE_SECONDS = 0.5  # long enough to hide Python, short enough to show progress
WORKER_STEPS = 50  # in a slice of several workers, which have to agree on it


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
        execution: device, compilation, precision, strategy, and images on the device at once.
        keep_epochs: whether to keep the weights of each row.
        worker: who this process is among those that train the model.
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
        worker: Worker = ALONE,
    ) -> None:
        keras.utils.set_random_seed(seed)
        self._recipe, self.execution = recipe, execution
        self._validation, self._keep_epochs = validation, keep_epochs
        count, *shape = training[0].shape
        self._batch = min(recipe.batch_size, count)
        self._steps_per_epoch = count // self._batch
        self._total_steps = recipe.steps or recipe.epochs * self._steps_per_epoch
        self._validate_every = recipe.validate_every or self._steps_per_epoch

        shuffle, window = recipe.shuffle, execution.window
        self._windows = Windows(training, self._batch, window, seed, shuffle, self._total_steps)
        self._worker = worker
        self._strategy = make_strategy(execution.strategy, execution.device, worker)
        with self._strategy.scope():
            # What validates and is kept; it is in float32, and made of Keras' own layers.
            self.model = build_model(recipe, *shape, classes)
            self._trained = self._model_to_train(*shape, classes)
            self._optimizer = build_optimizer(recipe, self._total_steps)
            self._optimizer.build(self._trained.trainable_variables)
        self.model.optimizer = None  # it is not compiled; Keras' callbacks ask all the same
        self._run_slice = tf.function(self._slice, jit_compile=execution.compile == "xla")
        self._predictor = Predictor(self.model)

        self._step, self._losses, self._row_seconds = 0, 0.0, 0.0
        self._history: list[Row] = []
        self._kept: list[np.ndarray] = []

    def _model_to_train(self, height: int, width: int, classes: int) -> keras.Model:
        """``self.model`` itself, or one that begins with its weights and its seeds."""
        policy, replicas = self.execution.policy(), self._strategy.num_replicas_in_sync
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
        watchers = keras.callbacks.CallbackList([*stopping, *callbacks], model=self.model)
        watchers.set_params(
            {"total_steps": self._total_steps, "steps_per_epoch": self._steps_per_epoch}
        )
        self.model.stop_training = False
        watchers.on_train_begin()
        if checkpoint:
            self._restore(checkpoint)
            for index, row in enumerate(self._history):
                for callback in stopping:
                    callback.on_epoch_end(index, _logs(row))
        complete = self._complete()
        saves = checkpoint and self._worker.chief
        slice_steps, window = 1, None
        while not self._complete():
            started = time.perf_counter()
            if window is None or self._step == window.end:
                window = self._windows.at(self._step)
                if window.split:
                    self._images = self._labels = None  # room first
                    self._images, self._labels = map(self._on_devices, window.split)
            next_row = (self._step // self._validate_every + 1) * self._validate_every
            next_row = min(self._total_steps, next_row)
            count = min(slice_steps, window.end - self._step, next_row - self._step)
            first = self._step - window.first
            watchers.on_train_batch_begin(self._step)
            with self.execution.rewritten():
                part = window.order, tf.constant(first), tf.constant(count)
                loss = float(self._run_slice(self._images, self._labels, *part))
            seconds = time.perf_counter() - started
            if self.execution.strategy == "multi_worker":
                slice_steps = WORKER_STEPS
            else:
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
            if saves and checkpoint.due():
                checkpoint.save(*self._state())
        if saves and not complete:
            checkpoint.save(*self._state())
        watchers.on_train_end()
        kept = np.stack(self._kept) if self._kept else None
        return Training(self.model, self._history, kept)

    def _complete(self) -> bool:
        return self._step >= self._total_steps or self.model.stop_training

    def _slice(
        self,
        images: tf.Tensor,
        labels: tf.Tensor,
        order: tf.Tensor,
        first: tf.Tensor,
        count: tf.Tensor,
    ) -> tf.Tensor:
        """Run steps ``first`` to ``first + count`` of a window; the sum of their losses.

        Args:
            images: ``uint8 [S, H, W]``.
            labels: ``uint8 [S]``.
            order: ``int32 [S]``, in which the steps take them.
            first: step within the window.
            count: number of steps.
        """
        # Not `for … in tf.range(…)`: XLA would compile it anew for each number of steps.
        total, step = tf.zeros([], tf.float64), first
        while step < first + count:
            rows = tf.slice(order, [step * self._batch], [self._batch])
            loss = self._strategy.run(self._train_step, (images, labels, rows))
            loss = self._strategy.reduce(tf.distribute.ReduceOp.SUM, loss, axis=None)
            total += tf.cast(loss, tf.float64)  # so that slicing does not show in the sum
            step += 1
        return total

    def _train_step(self, images: tf.Tensor, labels: tf.Tensor, rows: tf.Tensor) -> tf.Tensor:
        """One step on the images at ``rows``; this replica's part of their mean cross-entropy."""
        variables, replicas = self._trained.trainable_variables, self._strategy.num_replicas_in_sync
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

    def _on_devices(self, array: np.ndarray) -> tf.Tensor:
        """A copy on each device of this worker."""
        devices = self._strategy.extended.worker_devices

        def on_device(context: tf.distribute.experimental.ValueContext) -> tf.Tensor:
            with tf.device(devices[context.replica_id_in_sync_group % len(devices)]):
                return tf.constant(array)

        return self._strategy.experimental_distribute_values_from_function(on_device)

    def _validate(self) -> Row:
        """Add a row to the history."""
        started = time.perf_counter()
        if self._trained is not self.model and not self._recipe.averaging:
            self.model.set_weights(self._trained.get_weights())
        logits = self._predictor.logits(self._validation[0])
        before = self._history[-1]["step"] if self._history else 0
        row = Row(
            epoch=round(self._step / self._steps_per_epoch, 4),
            step=self._step,
            loss=round(self._losses / (self._step - before), 7),
            validation_loss=metrics.cross_entropy(logits, self._validation[1]),
            validation_accuracy=metrics.accuracy(logits, self._validation[1]),
            learning_rate=float(tf.convert_to_tensor(self._optimizer.learning_rate)),
            seconds=round(self._row_seconds + time.perf_counter() - started, 4),
        )
        self._history.append(row)
        if self._keep_epochs:
            self._kept.append(np.concatenate([w.ravel() for w in self.model.get_weights()]))
        self._losses, self._row_seconds = 0.0, 0.0
        return row

    def _early_stopping(self) -> list[keras.callbacks.Callback]:
        settings = self._recipe.early_stopping
        if settings is None:
            return []
        return [keras.callbacks.EarlyStopping(settings.monitor, patience=settings.patience)]

    def _variables(self) -> list[keras.Variable]:
        """All that a step changes: weights, averages, the optimizer's state, dropout's seeds."""
        averages = self.model.variables if self._recipe.averaging else []
        return [*self._trained.variables, *averages, *self._optimizer.variables]

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
        content = checkpoint.read() if self._worker.chief else None
        if self.execution.strategy == "multi_worker":
            content = from_chief(self._strategy, self._worker.chief, content)
        saved = checkpoint.load(content)
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
