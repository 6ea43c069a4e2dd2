"""The training loop: slices of about half a second, with validations and checkpoints between them.

The result depends neither on the slices nor on interruptions.
"""

import time
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from src.common.errors import PipelineError
from src.common.tensorflow import keras
from src.config.recipe import Recipe
from src.data.loader import Chunk, Loader, Split
from src.models import metrics
from src.models.inference import Predictor
from src.models.record import HistoryRow, TrainingResult
from src.training.checkpoint import Checkpoint, KeptWeights, TrainerState
from src.training.distributed import SINGLE_WORKER, Worker, broadcast_from_chief
from src.training.execution import Execution
from src.training.steps import Steps

SLICE_SECONDS = 0.5  # long enough to hide the time of Python, short enough to show progress
MULTI_WORKER_SLICE = 50  # steps; all workers must use the same slices


class Trainer:
    """Runs one training; ``src.training.setup`` creates its parts.

    Args:
        recipe: for the validation interval and early stopping.
        loader: of the training split.
        validation: images ``uint8 [N, H, W]`` and labels ``uint8 [N]``.
        keep_epochs: whether to keep the weights of each row of the history.
    """

    def __init__(
        self,
        recipe: Recipe,
        steps: Steps,
        loader: Loader,
        validation: Split,
        execution: Execution,
        *,
        keep_epochs: bool = False,
        worker: Worker = SINGLE_WORKER,
    ) -> None:
        self.steps, self.model, self.execution = steps, steps.exported, execution
        self._recipe, self._loader, self._predictor = recipe, loader, Predictor(steps.exported)
        self._validation, self._worker = validation, worker
        self._keep_epochs = keep_epochs and worker.chief
        self._kept: KeptWeights | None = None
        self.total_steps = loader.total_steps
        self._validate_every = recipe.validation_interval(loader.steps_per_epoch)
        self._state = TrainerState()
        self._chunk: Chunk | None = None
        self._logits: np.ndarray | None = None  # of the last validation

    def run(
        self,
        callbacks: Sequence[keras.callbacks.Callback] = (),
        checkpoint: Checkpoint | None = None,
    ) -> TrainingResult:
        """Train to the end, from the checkpoint if there is one.

        Args:
            callbacks: for them, a row of the history is an epoch, and a slice is a batch. Their
                ``on_train_end`` is called even if the training fails.
            checkpoint: written from time to time, and at the end.

        Raises:
            PipelineError: the loss or a weight became NaN or infinite.
        """
        self._chunk, self._slice_steps = None, 1
        stopping = _early_stopping(self._recipe)
        callback_list = keras.callbacks.CallbackList([*stopping, *callbacks], model=self.model)
        total, per_epoch = self._loader.total_steps, self._loader.steps_per_epoch
        callback_list.set_params({"total_steps": total, "steps_per_epoch": per_epoch})
        self.model.stop_training = False
        callback_list.on_train_begin()
        try:
            if self._keep_epochs and self._kept is None:
                path = checkpoint.kept_weights if checkpoint else None
                self._kept = KeptWeights(path, self.model.count_params())
            if checkpoint:
                self._resume(checkpoint, stopping)
            saves = checkpoint if self._worker.chief and not self._complete() else None
            while not self._complete():
                self._run_slice(callback_list)
                if saves and (saves.due() or self._complete()):
                    self._save(saves)
        finally:
            callback_list.on_train_end()
        state, (images, labels) = self._state, self._validation
        logits = self._predictor.logits(images) if self._logits is None else self._logits
        temperature = metrics.fit_temperature(logits, labels)
        kept = self._kept.save if self._kept else None
        return TrainingResult(self.model, state.history, state.durations, kept, temperature)

    def _save(self, checkpoint: Checkpoint) -> None:
        if self._kept:
            self._kept.flush()
        self._state.complete = self._complete()
        checkpoint.save(self._state, self.steps.variables())

    def _complete(self) -> bool:
        return self._state.step >= self._loader.total_steps or self.model.stop_training

    def _run_slice(self, callbacks: keras.callbacks.CallbackList) -> None:
        """Run steps up to the end of the chunk or the next validation, at most a slice."""
        started, state, first = time.perf_counter(), self._state, self._state.step
        chunk = self._load_chunk()
        next_row = min(self.total_steps, (first // self._validate_every + 1) * self._validate_every)
        count = min(self._slice_steps, chunk.end - first, next_row - first)
        callbacks.on_train_batch_begin(first)
        loss = self.steps.run(chunk.order, first - chunk.first, count)
        seconds = time.perf_counter() - started
        if self.execution.strategy == "multi_worker":
            self._slice_steps = MULTI_WORKER_SLICE
        else:
            self._slice_steps = max(1, min(2 * count, int(count * SLICE_SECONDS / seconds)))
        state.step += count
        state.losses += loss
        state.seconds += seconds
        if not np.isfinite(loss):
            raise self._diverged("the loss", first)
        callbacks.on_train_batch_end(state.step - 1, {"loss": loss / count})
        if state.step == next_row:
            row = self._validate()
            callbacks.on_epoch_end(len(state.history) - 1, dict(row))

    def _diverged(self, what: str, first: int) -> PipelineError:
        return PipelineError(
            f"{what} became NaN or infinite between steps {first} and {self._state.step} of "
            f"{self.total_steps}; lower learning_rate or stddev of the recipe"
        )

    def _load_chunk(self) -> Chunk:
        if self._chunk is None or self._state.step == self._chunk.end:
            self._chunk = self._loader.chunk_at(self._state.step)
            if self._chunk.split:
                self.steps.load(self._chunk.split)
                self._chunk = replace(self._chunk, split=None)  # it is in memory twice until now
        return self._chunk

    def _validate(self) -> HistoryRow:
        """Add a row to the history."""
        started, state = time.perf_counter(), self._state
        images, labels = self._validation
        logits = self._logits = self._predictor.logits(images)
        last_step = state.history[-1]["step"] if state.history else 0
        row = HistoryRow(
            epoch=round(state.step / self._loader.steps_per_epoch, 4),
            step=state.step,
            loss=round(state.losses / (state.step - last_step), 7),
            val_loss=metrics.cross_entropy(logits, labels),
            val_accuracy=metrics.accuracy(logits, labels),
            learning_rate=self.steps.learning_rate(),
        )
        state.history.append(row)
        state.durations.append(round(state.seconds + time.perf_counter() - started, 4))
        weights = self.model.get_weights()
        if not all(np.isfinite(each).all() for each in [row["val_loss"], *weights]):
            raise self._diverged("a weight", last_step)
        if self._kept:
            self._kept.append(weights)
        state.losses, state.seconds = 0.0, 0.0
        return row

    def _resume(self, checkpoint: Checkpoint, stopping: list[keras.callbacks.Callback]) -> None:
        """Restore the state from the checkpoint of the chief, if it is valid."""
        content = checkpoint.read(self._kept) if self._worker.chief else None
        if self.execution.strategy == "multi_worker":
            content = broadcast_from_chief(self.steps.strategy, self._worker.chief, content)
        if content is None or not (state := checkpoint.load(content, self.steps.variables())):
            return
        self._state = state
        for index, row in enumerate(self._state.history):
            for callback in stopping:
                callback.on_epoch_end(index, dict(row))
        if self._complete():
            where = checkpoint.folder.name
            print(f"{checkpoint.name}: already trained; to train it again, delete {where}")
        else:
            step, total = self._state.step, self._loader.total_steps
            print(f"{checkpoint.name}: resuming from step {step} of {total}")


def _early_stopping(recipe: Recipe) -> list[keras.callbacks.Callback]:
    if not (settings := recipe.early_stopping):
        return []
    # Keras would derive the mode from compiled metrics, but this model is not compiled.
    mode = "max" if settings.monitor == "val_accuracy" else "min"
    return [keras.callbacks.EarlyStopping(**settings.model_dump(), mode=mode)]
