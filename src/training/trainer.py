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
from src.data.loader import Chunk, Loader, Shuffle, Split
from src.models import metrics
from src.models.inference import Predictor
from src.models.record import HistoryRow, Scores, TrainingResult
from src.training.augmentation import corrupted
from src.training.checkpoint import Checkpoint, TrainerState, load
from src.training.distributed import SINGLE_WORKER, Worker, broadcast_from_chief, make_strategy
from src.training.execution import Execution
from src.training.steps import Steps

SLICE_SECONDS = 0.5  # long enough to hide the time of Python, short enough to show progress
FAMILIAR = 1.5  # percent of the validation images have less evidence than ``least_evidence``
MOST_CORRUPTED = 2000  # validation images whose accuracy after a change is measured
MULTI_WORKER_SLICE = 50  # steps; all workers must use the same slices


class Trainer:
    """Trains a recipe; the same arguments on the same machine give the same weights.

    Args:
        training, validation: labels are 0 to K - 1.
        classes: K.
        seed: of initial weights, order of the images, dropout and augmentation.
        in_random_order: whether the files have the images in random order. Otherwise, a recipe that
            does not shuffle them gets one random order for all epochs: from images that are sorted
            by class, no model learns.
        balances_classes: whether the training loss weighs all classes equally; see
            ``balanced_weights``. The validation loss does not.

    Attributes:
        model: with the current weights; it is validated, and saved at the end, with the weights of
            the best validation if the recipe restores them.
        execution: how the training runs, with the buffer size of the chief.
    """

    def __init__(
        self,
        recipe: Recipe,
        training: Split,
        validation: Split,
        classes: int,
        seed: int,
        execution: Execution,
        *,
        worker: Worker = SINGLE_WORKER,
        in_random_order: bool = True,
        balances_classes: bool = False,
    ) -> None:
        keras.utils.clear_session()  # the names of layers do not depend on earlier trainings
        keras.utils.set_random_seed(seed)
        count, *shape = training[0].shape
        batch_size = recipe.images_per_step(count)
        self._total_steps = recipe.steps or recipe.epochs * (count // batch_size)
        strategy = make_strategy(execution.strategy, execution.device, worker)
        numbers = {"batch_size": batch_size, "seed": seed, "total_steps": self._total_steps}
        weights = balanced_weights(training[1], classes) if balances_classes else None
        self.steps = Steps(
            recipe, shape, classes, weights, **numbers, execution=execution, strategy=strategy
        )
        if worker.others:  # their memory can differ, but all must use the same chunks
            size = b"" if execution.buffer_size is None else b"%d" % execution.buffer_size
            of_chief = broadcast_from_chief(strategy, worker.chief, size)
            execution = replace(execution, buffer_size=int(of_chief) if of_chief else None)
        order: Shuffle = "each epoch" if recipe.shuffle else "never" if in_random_order else "once"
        self._loader = Loader(
            training, batch_size, execution.buffer_size, seed, order, self._total_steps
        )
        self._validate_every = recipe.validation_interval(self._loader.steps_per_epoch)
        self.model, self.execution = self.steps.exported, execution
        self._recipe, self._validation, self._worker = recipe, validation, worker
        self._predictor = Predictor(self.model)
        self._best: list[np.ndarray] = []  # weights of the best row, if early stopping restores it
        self._logits: np.ndarray | None = None  # of the last validation
        self._state = TrainerState()
        self._checkpoint: Checkpoint | None = None  # that this worker writes

    def run(
        self,
        callbacks: Sequence[keras.callbacks.Callback] = (),
        checkpoint: Checkpoint | None = None,
    ) -> TrainingResult:
        """Train to the end, from the checkpoint if there is one.

        Args:
            callbacks: for them, a row of the history is an epoch, and a slice is a batch. Their
                ``on_train_end`` is called even if the training fails.
            checkpoint: the chief writes it from time to time, and at the end. Without it, the
                weights after each row of the history are not kept.

        Raises:
            PipelineError: the loss or a weight became NaN or infinite.
        """
        self._chunk: Chunk | None = None
        self._slice_steps, self._checkpoint = 1, checkpoint if self._worker.chief else None
        callback_list = keras.callbacks.CallbackList(list(callbacks), model=self.model)
        per_epoch = self._loader.steps_per_epoch
        callback_list.set_params({"total_steps": self._total_steps, "steps_per_epoch": per_epoch})
        callback_list.on_train_begin()
        try:
            if checkpoint:
                self._resume(checkpoint)
            while not self._is_complete():
                self._run_slice(callback_list)
                self._save()
        finally:
            callback_list.on_train_end()
        return self._result()

    def _result(self) -> TrainingResult:
        history, (images, labels) = self._state.history, self._validation
        row = self._final_row()
        if row is not history[-1]:
            self.model.set_weights(self._best)
            self._logits = None
        logits = self._predictor.logits(images) if self._logits is None else self._logits
        # Not the first ones: images can be sorted by class.
        some = slice(None, None, -(-len(labels) // MOST_CORRUPTED))
        of_corrupted = self._predictor.logits(corrupted(images[some]))
        scores = Scores(
            temperature=metrics.fit_temperature(logits, labels),
            least_evidence=float(np.percentile(metrics.evidence(logits), FAMILIAR)),
            corrupted_accuracy=metrics.accuracy(of_corrupted, labels[some]),
        )
        kept = self._checkpoint.kept_weights(len(history)) if self._checkpoint else None
        seconds = self._state.durations
        return TrainingResult(self.model, history, row, seconds, kept, scores)

    def _final_row(self) -> HistoryRow:
        """The row of the history whose weights the model has after the training."""
        history, stopping = self._state.history, self._recipe.early_stopping
        if stopping and stopping.restore_best:
            return history[stopping.best_row(history)]
        return history[-1]

    def _is_complete(self) -> bool:
        """Whether no step is left, or the training stops early."""
        state, stopping = self._state, self._recipe.early_stopping
        if stopping and state.history:
            since_best = len(state.history) - 1 - stopping.best_row(state.history)
            if since_best >= stopping.patience:
                return True
        return state.step >= self._total_steps

    def _run_slice(self, callbacks: keras.callbacks.CallbackList) -> None:
        """Run a slice, at most to the end of the chunk or the next validation, which follows."""
        started, state, first = time.perf_counter(), self._state, self._state.step
        chunk = self._load_chunk()
        validation = (first // self._validate_every + 1) * self._validate_every
        validation = min(self._total_steps, validation)  # the step that is followed by it
        count = min(self._slice_steps, chunk.end - first, validation - first)
        callbacks.on_train_batch_begin(first)
        loss = self.steps.run(chunk.order, first - chunk.first, count)
        seconds = time.perf_counter() - started
        if self._worker.others:
            self._slice_steps = MULTI_WORKER_SLICE
        else:
            self._slice_steps = max(1, min(2 * count, int(count * SLICE_SECONDS / seconds)))
        state.step += count
        state.loss_sum += loss
        state.seconds += seconds
        if not np.isfinite(loss):
            raise self._diverged("the loss", first)
        callbacks.on_train_batch_end(state.step - 1, {"loss": loss / count})
        if state.step == validation:
            row = self._validate()
            callbacks.on_epoch_end(len(state.history) - 1, dict(row))

    def _load_chunk(self) -> Chunk:
        if self._chunk is None or self._state.step == self._chunk.end:
            self._chunk, split = self._loader.chunk_at(self._state.step)
            if split:
                self.steps.load(split)
        return self._chunk

    def _validate(self) -> HistoryRow:
        """Validate the model, and add a row to the history."""
        started, state = time.perf_counter(), self._state
        images, labels = self._validation
        logits = self._logits = self._predictor.logits(images)
        last_step = state.history[-1]["step"] if state.history else 0
        row = HistoryRow(
            epoch=round(state.step / self._loader.steps_per_epoch, 4),
            step=state.step,
            loss=round(state.loss_sum / (state.step - last_step), 7),
            val_loss=metrics.cross_entropy(logits, labels),
            val_accuracy=metrics.accuracy(logits, labels),
            learning_rate=self.steps.learning_rate(),
        )
        state.history.append(row)
        state.durations.append(round(state.seconds + time.perf_counter() - started, 4))
        weights = self.model.get_weights()
        if not all(np.isfinite(values).all() for values in [row["val_loss"], *weights]):
            raise self._diverged("a weight or the validation loss", last_step)
        if self._recipe.early_stopping and self._final_row() is row:
            self._best = weights
        if self._checkpoint:
            self._checkpoint.keep_weights(len(state.history) - 1, weights)
        state.loss_sum, state.seconds = 0.0, 0.0
        return row

    def _diverged(self, what: str, first: int) -> PipelineError:
        return PipelineError(
            f"{what} became NaN or infinite between steps {first} and {self._state.step} of "
            f"{self._total_steps}; lower learning_rate or stddev of the recipe"
        )

    def _save(self) -> None:
        self._state.complete = self._is_complete()
        if self._checkpoint and (self._state.complete or self._checkpoint.is_due()):
            self._checkpoint.save(self._state, [*self.steps.variables(), *self._best])

    def _resume(self, checkpoint: Checkpoint) -> None:
        """Restore the state from the checkpoint of the chief, if there is one."""
        content = checkpoint.read() if self._worker.chief else None
        if self._worker.others:
            content = broadcast_from_chief(self.steps.strategy, self._worker.chief, content)
        if content is None:
            return
        self._state, self._best = load(content, self.steps.variables())
        if self._is_complete():
            where = checkpoint.folder.name
            print(f"{checkpoint.name}: already trained; to train it again, delete {where}")
        else:
            done = f"step {self._state.step} of {self._total_steps}"
            print(f"{checkpoint.name}: resuming from {done}")


def balanced_weights(labels: np.ndarray, classes: int) -> np.ndarray:
    """A weight for each class, ``float32 [K]``: n / (K × count), after scikit-learn's ``balanced``.

    ``labels`` are ``uint8 [n]``. The mean weight of all images is 1, if each class has an image.
    """
    counts = np.bincount(labels, minlength=classes)
    return (len(labels) / (classes * np.maximum(counts, 1))).astype(np.float32)
