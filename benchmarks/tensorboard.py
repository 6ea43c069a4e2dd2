"""Measure the time that the TensorBoard callback adds to a training."""

import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median

from src.callbacks.training import TensorBoard
from src.common.paths import PROCESSED
from src.common.tensorflow import keras
from src.config.recipe import Recipe
from src.config.recipes import load_recipes, tutorials
from src.data.loader import Split
from src.data.splits import load_dataset_info, load_split
from src.models.device import choose_device
from src.training.execution import choose_execution
from src.training.trainer import Trainer

INTRODUCTION = """\
Seconds of each complete training, and how many of them the TensorBoard callback uses.

| recipe | training | TensorBoard | fraction |
| --- | ---: | ---: | ---: |"""


def time_methods(callback: keras.callbacks.Callback) -> list[float]:
    """Add timers to the methods of a callback; the list receives the seconds of each call."""
    seconds: list[float] = []

    def timed(method: Callable[..., None]) -> Callable[..., None]:
        def call(*args, **kwargs) -> None:
            started = time.perf_counter()
            method(*args, **kwargs)
            seconds.append(time.perf_counter() - started)

        return call

    for name in ("set_model", "on_train_batch_end", "on_epoch_end", "on_train_end"):
        setattr(callback, name, timed(getattr(callback, name)))
    return seconds


def training_seconds(
    recipe: Recipe, training: Split, validation: Split, classes: int
) -> tuple[float, float]:
    """Train once; return the seconds of the training, and those of TensorBoard in it."""
    execution = choose_execution(recipe, choose_device("cpu"), "auto", "auto")
    trainer = Trainer(recipe, training, validation, classes, 1, execution)
    with tempfile.TemporaryDirectory() as folder:
        tensorboard = TensorBoard(Path(folder))
        seconds, started = time_methods(tensorboard), time.perf_counter()
        trainer.run([tensorboard])
        return time.perf_counter() - started, sum(seconds)


def measure(repeat: int) -> Iterator[str]:
    splits = load_split(PROCESSED, "train"), load_split(PROCESSED, "validation")
    classes = load_dataset_info(PROCESSED)["classes"]
    yield INTRODUCTION
    totals = [0.0, 0.0]
    for name, recipe in tutorials(load_recipes()).items():
        runs = [training_seconds(recipe, *splits, classes) for _ in range(repeat)]
        training, tensorboard = (median(column) for column in zip(*runs, strict=True))
        totals = [totals[0] + training, totals[1] + tensorboard]
        yield f"| {name} | {training:.2f} | {tensorboard:.2f} | {tensorboard / training:.1%} |"
    yield f"| all | {totals[0]:.2f} | {totals[1]:.2f} | {totals[1] / totals[0]:.1%} |"
