"""The progress of a training: a live line in a terminal, otherwise one line per validation."""

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Column

from src.common.tensorflow import keras

LONGEST_NAME = 24  # characters of a recipe's name in the live line; the rest is left out
ESTIMATE_PERIOD = 3600  # seconds whose slices count for the time left


class TrainingProgress(keras.callbacks.Callback):
    """Shows the progress of the training of the recipe ``name``.

    The first slice of steps, which compiles, does not count for the time left.
    """

    def __init__(self, name: str) -> None:
        super().__init__()
        self._console = Console(highlight=False, soft_wrap=True)
        self._name, self._validation = name, ""
        # In a narrow terminal, the end of the values is missing, not the time left.
        rest = Column(ratio=1, no_wrap=True, overflow="crop")
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=8),
            TimeRemainingColumn(compact=True),
            TextColumn("left, {task.fields[values]}", table_column=rest),
            console=self._console,
            speed_estimate_period=ESTIMATE_PERIOD,
            transient=True,
            expand=True,
            disable=not self._console.is_terminal,
        )
        self._task = self._bar.add_task(name[:LONGEST_NAME], total=None, values="")

    def on_train_begin(self, logs: dict | None = None) -> None:
        self._bar.start()

    def on_train_end(self, logs: dict | None = None) -> None:
        self._bar.stop()

    def on_train_batch_end(self, batch: int, logs: dict[str, float]) -> None:
        total, per_epoch = self.params["total_steps"], self.params["steps_per_epoch"]
        values = (
            f"epoch {(batch + 1) / per_epoch:.1f}/{total / per_epoch:.0f}, "
            f"loss {logs['loss']:.3g}{self._validation}"
        )
        self._bar.update(self._task, completed=batch + 1, total=total, values=values)

    def on_epoch_end(self, epoch: int, logs: dict[str, float]) -> None:
        self._validation = f", validation {logs['val_accuracy']:.4f}"
        if not self._console.is_terminal:
            left = self._bar.tasks[0].time_remaining
            self._console.print(
                f"{self._name}: epoch {logs['epoch']:.4g}, loss {logs['loss']:.4f}, validation "
                f"accuracy {logs['val_accuracy']:.4f}"
                + ("" if left is None else f", {left:.0f} s left")
            )
