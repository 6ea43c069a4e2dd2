"""The progress of a training: a live line in a terminal, otherwise one line per validation."""

import time

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from src.common.tensorflow import keras

LONGEST_NAME = 24  # characters of a recipe's name in the live line; the rest is left out
LONGEST_VALUES = 45  # characters of the usual values
FIXED = 20  # characters of everything else, with the shortest bar
SHORTEST_BAR, LONGEST_BAR = 4, 24


class TrainingProgress(keras.callbacks.Callback):
    """Prints the progress of the training of the recipe ``name``."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self._console = Console(highlight=False, soft_wrap=True)
        self._name = name
        self._room = self._console.width - len(name[:LONGEST_NAME]) - FIXED  # for the values
        longer = max(0, self._room - LONGEST_VALUES)
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=min(LONGEST_BAR, SHORTEST_BAR + longer)),
            TimeRemainingColumn(compact=True),
            TextColumn("left, {task.fields[values]}"),
            console=self._console,
            transient=True,
            disable=not self._console.is_terminal,
        )
        self._task = self._bar.add_task(name[:LONGEST_NAME], total=None, values="")
        self._validation = ""
        self._begun: tuple[int, float] | None = None  # step and time
        self._compiled: tuple[int, float] | None = None  # after the first slice, which compiles

    def on_train_begin(self, logs: dict | None = None) -> None:
        self._bar.start()

    def on_train_end(self, logs: dict | None = None) -> None:
        self._bar.stop()

    def on_train_batch_begin(self, batch: int, logs: dict | None = None) -> None:
        if self._begun is None:  # not step 0 if the training resumes from a checkpoint
            self._begun = batch, time.perf_counter()

    def on_train_batch_end(self, batch: int, logs: dict[str, float]) -> None:
        if self._compiled is None:
            self._compiled = batch + 1, time.perf_counter()
        total, per_epoch = self.params["total_steps"], self.params["steps_per_epoch"]
        values = (
            f"epoch {(batch + 1) / per_epoch:.1f}/{total / per_epoch:.0f}, "
            f"loss {logs['loss']:.3g}{self._validation}"
        )
        # In a narrow terminal, the end of the values is missing, not the time left.
        values = values[: max(0, self._room)]
        self._bar.update(self._task, completed=batch + 1, total=total, values=values)

    def on_epoch_end(self, epoch: int, logs: dict[str, float]) -> None:
        self._validation = f", validation {logs['val_accuracy']:.4f}"
        if not self._console.is_terminal:
            self._console.print(
                f"{self._name}: epoch {logs['epoch']:.4g}, loss {logs['loss']:.4f}, validation "
                f"accuracy {logs['val_accuracy']:.4f}, {self._seconds_left(int(logs['step'])):.0f} "
                "s left"
            )

    def _seconds_left(self, step: int) -> float:
        assert self._begun is not None
        first, started = self._compiled or self._begun
        if step == first:  # nothing has run since the first slice
            first, started = self._begun
        seconds_per_step = (time.perf_counter() - started) / (step - first)
        return seconds_per_step * (self.params["total_steps"] - step)
