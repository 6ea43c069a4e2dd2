"""The callbacks of a training: its progress, its curves in MLflow, and TensorBoard's files."""

import math
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Column

from src.common.messages import warn
from src.common.tensorflow import keras, tf

LINES = 20  # of a training, at most
HISTOGRAMS = 6  # of each weight, at most; Keras needs 0.2 s for the million weights of mlp_dropout
MAX_HISTOGRAM = 2_000_000  # values; TensorFlow needs 300 bytes of memory for each of them
SCALARS = ("loss", "learning_rate", "val_loss", "val_accuracy")
HOOKS = (
    *("set_params", "set_model", "on_train_begin", "on_train_batch_begin"),
    *("on_train_batch_end", "on_epoch_end", "on_train_end"),
)


def training_callbacks(
    plan: dict[str, Any], log_row: Callable[[dict[str, float]], None], folder: Path
) -> list[keras.callbacks.Callback]:
    """Return the callbacks for progress, MLflow, and, if the plan enables it, TensorBoard.

    ``log_row`` gets each row of the history; ``folder`` is that for TensorBoard's files.
    """
    live = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: log_row(logs))
    callbacks = [TrainingProgress(plan["name"]), live]
    if plan["tensorboard"]:
        lacks = f"TensorBoard does not show all of {plan['name']}"
        callbacks.append(BestEffort(TensorBoard(folder), lacks))
    return callbacks


class TrainingProgress(keras.callbacks.Callback):
    """Shows a live line in a terminal, otherwise prints at most ``LINES`` lines for validations.

    The first slice of steps and the first validation, which compile, do not count for the time
    left.
    """

    def __init__(self, name: str) -> None:
        super().__init__()
        self._console = Console(highlight=False, soft_wrap=True)
        self._name, self._validation = name, ""
        self._part = -1  # the part of the training that the last line was for
        # In a narrow terminal, the end of the values is missing, not the time left.
        rest = Column(ratio=1, no_wrap=True, overflow="crop")
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=8),
            TimeRemainingColumn(compact=True),
            TextColumn("left, {task.fields[values]}", table_column=rest),
            console=self._console,
            speed_estimate_period=3600,  # seconds
            transient=True,
            expand=True,
            disable=not self._console.is_terminal,
        )
        self._task = self._bar.add_task(name[:24], total=None, values="")

    def on_train_begin(self, logs: dict | None = None) -> None:
        self._bar.start()

    def on_train_end(self, logs: dict | None = None) -> None:
        self._bar.stop()

    def on_train_batch_end(self, batch: int, logs: dict[str, float]) -> None:
        total, per_epoch = self.params["total_steps"], self.params["steps_per_epoch"]
        epochs = f"epoch {(batch + 1) / per_epoch:.1f}/{total / per_epoch:.0f}"
        values = f"{epochs}, loss {logs['loss']:.3g}{self._validation}"
        self._bar.update(self._task, completed=batch + 1, total=total, values=values)

    def on_epoch_end(self, epoch: int, logs: dict[str, float]) -> None:
        is_first = not self._validation
        self._validation = f", validation {logs['val_accuracy']:.4f}"
        part = (LINES - 1) * logs["step"] // self.params["total_steps"]
        if not self._console.is_terminal and part > self._part:
            self._part, left = part, self._bar.tasks[0].time_remaining
            # Of a recipe with steps, most validations are within an epoch.
            is_end = float(logs["epoch"]).is_integer()
            where = f"epoch {logs['epoch']:.0f}" if is_end else f"step {logs['step']:,.0f}"
            self._console.print(
                f"{self._name}: {where}, loss {logs['loss']:.4f}, validation "
                f"accuracy {logs['val_accuracy']:.4f}"
                + ("" if left is None else f", {left:.0f} s left")
            )
        if is_first:
            self._bar.reset(self._task, completed=int(logs["step"]))


class TensorBoard(keras.callbacks.TensorBoard):
    """Keras' callback. The x axis shows epochs, or numbers of validations if these are more.

    There are no histograms if a weight has more than ``MAX_HISTOGRAM`` values.
    """

    def on_epoch_end(self, epoch: int, logs: dict) -> None:
        """Write the scalars of a row of the history, and after some rows the histograms."""
        row = epoch + 1
        rows = round(row * self.params["total_steps"] / logs["step"])  # of the complete training
        largest = max(math.prod(weight.shape) for weight in self.model.weights)
        is_due = epoch % -(-rows // HISTOGRAMS) == 0
        self.histogram_freq = int(is_due and largest <= MAX_HISTOGRAM)
        # An epoch that has not ended counts as one. No two rows have the same number.
        number = max(math.ceil(logs["epoch"]), row)
        super().on_epoch_end(number, {name: logs[name] for name in SCALARS})


class BestEffort(keras.callbacks.Callback):
    """Passes all calls on to ``callback``, until one fails to write: then it warns once.

    ``lacks`` says what is missing then, such as ``TensorBoard has no curves``.
    """

    def __init__(self, callback: keras.callbacks.Callback, lacks: str) -> None:
        super().__init__()
        self._lacks, self._failed = lacks, False
        for hook in HOOKS:
            setattr(self, hook, partial(self._call, getattr(callback, hook)))

    def _call(self, method: Callable[..., None], *arguments: Any, **logs: Any) -> None:
        try:
            if not self._failed:
                method(*arguments, **logs)
        except (OSError, tf.errors.OpError) as error:
            self._failed = True
            reason = str(error).partition("\n")[0].partition(" [Op:")[0]
            warn(f"{self._lacks} ({reason}); free space or allow access to its folder")
