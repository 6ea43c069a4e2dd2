"""How far a training is: a live line in a terminal, plain lines elsewhere."""

import time

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn


class TrainingProgress:
    """Shows a training of ``name``; a context manager with the two callbacks of ``train``."""

    def __init__(self, name: str) -> None:
        self._console = Console(highlight=False, soft_wrap=True)
        self._name = name
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            TextColumn("{task.fields[figures]}"),
            TextColumn("left"),
            TimeRemainingColumn(),
            console=self._console,
            transient=True,
            disable=not self._console.is_terminal,
        )
        self._task = self._bar.add_task(name, total=None, figures="")
        self._started = time.perf_counter()
        self._total_steps = 0
        self._validation = ""

    def __enter__(self) -> "TrainingProgress":
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def on_progress(self, step: int, total_steps: int, steps_per_epoch: int, loss: float) -> None:
        """Called several times an epoch."""
        self._total_steps = total_steps
        figures = (
            f"epoch {step / steps_per_epoch:.1f} of {total_steps / steps_per_epoch:.0f}, "
            f"loss {loss:.4g}{self._validation}"
        )
        self._bar.update(self._task, completed=step, total=total_steps, figures=figures)

    def on_row(self, row: dict[str, float]) -> None:
        """Called for each row of the history."""
        self._validation = f", validation accuracy {row['validation_accuracy']:.4f}"
        if not self._console.is_terminal:
            elapsed = time.perf_counter() - self._started
            left = elapsed * (self._total_steps - row["step"]) / row["step"]
            self._console.print(
                f"{self._name}: epoch {row['epoch']:.4g}, loss {row['loss']:.4f}"
                f"{self._validation}, {left:.0f} s left"
            )
