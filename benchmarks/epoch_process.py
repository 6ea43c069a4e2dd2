"""A process that trains one epoch of a recipe whenever another process asks.

``python -m benchmarks.epoch_process PROGRAM RECIPE FOLDER`` trains on the preprocessed data in
FOLDER, with ours or with the module of a library, ``benchmarks.PROGRAM_epochs``. It prints its
setting. For each line that it reads, it trains an epoch and prints the mean loss.
"""

import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout, suppress
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any, NoReturn

import numpy as np

from benchmarks.processes import ROOT
from src.common.errors import run
from src.common.paths import RECIPES
from src.config.recipe import Recipe
from src.config.recipes import load_recipes
from src.data.splits import load_split

TRIAL = 10_000  # images
LIMIT = 40  # seconds of the trial of a setting
TOO_SLOW = "none within the limit"  # in place of a setting
MOST_EPOCHS = 1000  # of our training loop, which needs an end
Answer = Callable[[object], None]  # prints its argument, and waits for the next line


def fastest(
    library: ModuleType, recipe: Recipe, images: np.ndarray, labels: np.ndarray
) -> tuple[str, Any]:
    """Train twice on the first ``TRIAL`` images with each setting of a library; compare the second.

    A setting that needs more than ``LIMIT`` is left out. Returns the name of the fastest setting,
    and the ``Epochs`` of the library with it; or ``TOO_SLOW`` and None.
    """
    seconds = {}
    for setting in library.settings(recipe):
        with time_limit(LIMIT):
            epochs = library.Epochs(recipe, images[:TRIAL], labels[:TRIAL], setting)
            epochs.train_epoch()  # compiles
            started = time.perf_counter()
            epochs.train_epoch()
            seconds[setting] = time.perf_counter() - started
    if not seconds:
        return TOO_SLOW, None
    best = min(seconds, key=seconds.get)
    return ", ".join(best), library.Epochs(recipe, images, labels, best)


@contextmanager
def time_limit(seconds: int) -> Iterator[None]:
    """End the block after this time, without an error, as soon as Python runs again."""

    def stop(*_: object) -> NoReturn:
        raise TimeoutError

    signal.signal(signal.SIGALRM, stop)
    signal.alarm(seconds)
    with suppress(TimeoutError):
        yield
    signal.alarm(0)


def train_peer(
    library: ModuleType, recipe: Recipe, images: np.ndarray, labels: np.ndarray, answer: Answer
) -> NoReturn:
    setting, epochs = fastest(library, recipe, images, labels)
    answer(setting)
    while True:
        answer(epochs.train_epoch() if epochs else float("nan"))


def train_ours(recipe: Recipe, images: np.ndarray, labels: np.ndarray, answer: Answer) -> None:
    # The processes of other libraries do not import TensorFlow.
    from benchmarks.training import describe_execution, make_timed_trainer
    from src.common.tensorflow import keras

    trainer = make_timed_trainer(recipe, images, labels, MOST_EPOCHS)
    answer(describe_execution(trainer.execution))
    after_epoch = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: answer(logs["loss"])
    )
    trainer.run([after_epoch])


def main() -> None:
    program, name, folder = sys.argv[1:]
    recipe = load_recipes(ROOT / RECIPES)[name]
    images, labels = (np.array(each) for each in load_split(Path(folder), "train"))
    answers = sys.stdout

    def answer(value: object) -> None:
        print(value, file=answers, flush=True)
        if not sys.stdin.readline():  # the other process has closed the pipe
            sys.exit()

    with redirect_stdout(sys.stderr):  # what a library prints is not an answer
        if program == "ours":
            train_ours(recipe, images, labels, answer)
        else:
            train_peer(
                import_module(f"benchmarks.{program}_epochs"), recipe, images, labels, answer
            )


if __name__ == "__main__":
    run(main)
