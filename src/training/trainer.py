"""The training loop: slices of some half a second of steps, validations, checkpoints between.

What comes of it depends neither on how the steps are sliced, nor on interruptions.
"""

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import keras
import numpy as np

from src.common.errors import PipelineError
from src.config.recipe import Recipe
from src.data.loader import Loader, Split
from src.models import metrics
from src.models.checkpoint import Checkpoint
from src.models.inference import Predictor
from src.models.record import HistoryRow, TrainingResult
from src.training.distributed import ALONE, Worker, from_chief
from src.training.execution import Execution
from src.training.steps import Steps

SLICE_SECONDS = 0.5  # long enough to hide Python, short enough to show progress
WORKER_STEPS = 50  # in a slice of several workers, which have to agree on it


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
        execution: device, compilation, precision, strategy, and images on the device at once; of
            several workers the chief's images count.
        keep_epochs: whether to keep the weights of each row.
        worker: who this process is among those that train the model.

    Attributes:
        steps: what is computed.
        model: to be trained.
        execution: as it is.
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
        self._recipe, self._worker = recipe, worker
        self._validation, self._keep_epochs = validation, keep_epochs
        count, *shape = training[0].shape
        batch = min(recipe.batch_size, count)
        self._steps_per_epoch = count // batch
        self._total_steps = recipe.steps or recipe.epochs * self._steps_per_epoch
        self._validate_every = recipe.validate_every or self._steps_per_epoch

        self.steps = Steps(recipe, shape, classes, batch, self._total_steps, execution, worker)
        self.model = self.steps.model
        window, shuffle = execution.buffer_size, recipe.shuffle
        if execution.strategy == "multi_worker":  # each chose by its own memory
            told = str(window).encode() if window else None
            told = from_chief(self.steps.strategy, worker.chief, told)
            window = int(told) if told else None
        self.execution = replace(execution, buffer_size=window)
        self._loader = Loader(training, batch, window, seed, shuffle, self._total_steps)
        self._predictor = Predictor(self.model)

        self._step, self._losses, self._row_seconds = 0, 0.0, 0.0
        self._history: list[HistoryRow] = []
        self._kept: list[np.ndarray] = []

    def run(
        self,
        callbacks: Sequence[keras.callbacks.Callback] = (),
        checkpoint: Checkpoint | None = None,
    ) -> TrainingResult:
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
                    callback.on_epoch_end(index, dict(row))
        complete = self._complete()
        saves = checkpoint and self._worker.chief
        slice_steps, window = 1, None
        while not self._complete():
            started = time.perf_counter()
            if window is None or self._step == window.end:
                window = self._loader.at(self._step)
                if window.split:
                    self.steps.bring(window.split)
            next_row = (self._step // self._validate_every + 1) * self._validate_every
            next_row = min(self._total_steps, next_row)
            count = min(slice_steps, window.end - self._step, next_row - self._step)
            watchers.on_train_batch_begin(self._step)
            loss = self.steps.run(window.order, self._step - window.first, count)
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
                watchers.on_epoch_end(len(self._history) - 1, dict(row))
            self._row_seconds += time.perf_counter() - started
            if saves and checkpoint.due():
                checkpoint.save(*self._state())
        if saves and not complete:
            checkpoint.save(*self._state())
        watchers.on_train_end()
        kept = np.stack(self._kept) if self._kept else None
        return TrainingResult(self.model, self._history, kept)

    def _complete(self) -> bool:
        return self._step >= self._total_steps or self.model.stop_training

    def _validate(self) -> HistoryRow:
        """Add a row to the history."""
        started = time.perf_counter()
        self.steps.update_model()
        logits = self._predictor.logits(self._validation[0])
        before = self._history[-1]["step"] if self._history else 0
        row = HistoryRow(
            epoch=round(self._step / self._steps_per_epoch, 4),
            step=self._step,
            loss=round(self._losses / (self._step - before), 7),
            val_loss=metrics.cross_entropy(logits, self._validation[1]),
            val_accuracy=metrics.accuracy(logits, self._validation[1]),
            learning_rate=self.steps.learning_rate(),
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

    def _state(self) -> tuple[dict[str, Any], list[np.ndarray]]:
        state = {
            "step": self._step,
            "losses": self._losses,
            "row_seconds": self._row_seconds,
            "history": self._history,
        }
        return state, [np.asarray(each) for each in self.steps.variables()] + self._kept

    def _restore(self, checkpoint: Checkpoint) -> None:
        """Go on from the checkpoint, if it fits."""
        content = checkpoint.read() if self._worker.chief else None
        if self.execution.strategy == "multi_worker":
            content = from_chief(self.steps.strategy, self._worker.chief, content)
        saved = checkpoint.load(content)
        if saved is None:
            return
        state, arrays = saved
        variables = self.steps.variables()
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
