"""Training time until the CNN reaches a validation accuracy of 98.5%."""

import time
from collections.abc import Iterator
from contextlib import suppress
from statistics import median

import numpy as np

from benchmarks.keras_fit import KerasFit
from benchmarks.originals import Original
from benchmarks.timing import Seconds, ratio
from src.common.paths import PROCESSED
from src.common.tensorflow import keras
from src.config.recipe import Recipe, load_recipe
from src.config.recipes import load_recipes
from src.data.loader import Split
from src.data.splits import load_split
from src.models.device import choose_device
from src.training.execution import choose_execution
from src.training.trainer import Trainer

RECIPE, ACCURACY = "cnn", 0.985
PARTS = 4  # validations per epoch
INTRODUCTION = """\
Seconds of training until `{recipe}` reaches a validation accuracy of {accuracy:.1%}. Each epoch
has {parts} validations. Their time is not included; the time of tracing and compilation is.
{repeat} seeds.

| ours | original | fit | original / ours | fit / ours |
| ---: | ---: | ---: | ---: | ---: |"""


class StopAtAccuracy(keras.callbacks.Callback):
    """Stop at a validation accuracy, and measure the seconds of training without validation."""

    def __init__(self, accuracy: float) -> None:
        super().__init__()
        self.seconds, self._accuracy = 0.0, accuracy

    def on_train_batch_begin(self, batch, logs=None):
        self._started = time.perf_counter()

    def on_train_batch_end(self, batch, logs=None):
        self.seconds += time.perf_counter() - self._started

    def on_epoch_end(self, epoch, logs=None):
        if logs["val_accuracy"] >= self._accuracy:
            raise StopIteration


def our_seconds(
    recipe: Recipe, training: Split, validation: Split, accuracy: float, seed: int
) -> float:
    """Train until the accuracy or the end of the recipe's epochs; return the seconds."""
    steps = len(training[1]) // recipe.batch_size
    recipe = load_recipe(recipe.model_dump() | {"validate_every": max(1, steps // PARTS)})
    execution = choose_execution(recipe, choose_device("cpu"), "auto", "auto")
    target, classes = StopAtAccuracy(accuracy), int(training[1].max()) + 1
    with suppress(StopIteration):
        Trainer(recipe, training, validation, classes, seed, execution).run([target])
    return target.seconds


def other_seconds(
    program: Original | KerasFit, epochs: int, count: int, validation: Split, accuracy: float
) -> float:
    """The same for another program, which gets its ``count`` images in the order of the files."""
    seconds = 0.0
    for _ in range(epochs):
        for rows in np.array_split(np.arange(count), PARTS):
            started = time.perf_counter()
            program.train(rows)
            seconds += time.perf_counter() - started
            if program.accuracy(*validation) >= accuracy:
                return seconds
    return seconds


def time_to_accuracy(
    name: str, training: Split, validation: Split, accuracy: float, repeat: int
) -> Seconds:
    """The seconds of each program in ``repeat`` rounds, each with a different seed."""
    recipe, count = load_recipes()[name], len(training[1])
    seconds: Seconds = {"ours": [], "original": [], "fit": []}
    for seed in range(1, repeat + 1):
        seconds["ours"].append(our_seconds(recipe, training, validation, accuracy, seed))
        others = {
            "original": Original(name, *training, seed),
            "fit": KerasFit(recipe, *training, seed),
        }
        for other, program in others.items():
            each = other_seconds(program, recipe.epochs, count, validation, accuracy)
            seconds[other].append(each)
    return seconds


def measure(repeat: int) -> Iterator[str]:
    training, validation = (
        tuple(np.asarray(each) for each in load_split(PROCESSED, split))
        for split in ("train", "validation")
    )
    yield INTRODUCTION.format(recipe=RECIPE, accuracy=ACCURACY, parts=PARTS, repeat=repeat)
    seconds = time_to_accuracy(RECIPE, training, validation, ACCURACY, repeat)
    ours, original, fit = seconds.values()
    medians = " | ".join(f"{median(each):.1f}" for each in seconds.values())
    yield f"| {medians} | {ratio(original, ours)} | {ratio(fit, ours)} |"
