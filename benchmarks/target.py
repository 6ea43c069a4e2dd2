"""Seconds of training until the CNN has a validation accuracy of 98.5%."""

import time
from collections.abc import Iterator
from statistics import median

import keras
import numpy as np

from benchmarks.peers import FeedLoop, KerasFit, Peer
from benchmarks.timing import Seconds, ratio
from src.common.paths import PROCESSED
from src.config.params import load_params
from src.config.recipe import Recipe, load_recipe
from src.data.loader import Split
from src.data.splits import load_split
from src.models.device import choose_device
from src.training.execution import choose_execution
from src.training.setup import make_trainer

RECIPE, ACCURACY = "cnn", 0.985
PARTS = 4  # validations per epoch


class Target(keras.callbacks.Callback):
    """Ends the training at the target, and counts the seconds of training alone."""

    def __init__(self, accuracy: float) -> None:
        super().__init__()
        self.seconds, self._accuracy = 0.0, accuracy

    def on_train_batch_begin(self, batch, logs=None):
        self._started = time.perf_counter()

    def on_train_batch_end(self, batch, logs=None):
        self.seconds += time.perf_counter() - self._started

    def on_epoch_end(self, epoch, logs=None):
        self.model.stop_training = logs["val_accuracy"] >= self._accuracy


def our_seconds(
    recipe: Recipe, training: Split, validation: Split, accuracy: float, seed: int
) -> float:
    """Seconds that our loop trains until the accuracy is reached, or the recipe's epochs end."""
    steps = len(training[1]) // recipe.batch_size
    recipe = load_recipe(recipe.model_dump() | {"validate_every": max(1, steps // PARTS)})
    execution = choose_execution(recipe, choose_device("cpu"), "auto", "auto")
    target, classes = Target(accuracy), int(training[1].max()) + 1
    make_trainer(recipe, training, validation, classes, seed, execution).run([target])
    return target.seconds


def peer_seconds(
    peer: Peer, recipe: Recipe, count: int, validation: Split, accuracy: float, seed: int
) -> float:
    """The same of a peer, which is given its images in a new order each epoch."""
    random, seconds = np.random.default_rng(seed), 0.0
    for _ in range(recipe.epochs):
        for rows in np.array_split(random.permutation(count), PARTS):
            started = time.perf_counter()
            peer.train(rows)
            seconds += time.perf_counter() - started
            if peer.accuracy(*validation) >= accuracy:
                return seconds
    return seconds


def time_to(
    recipe: Recipe, training: Split, validation: Split, accuracy: float, repeat: int
) -> Seconds:
    """For each program, the seconds of ``repeat`` trainings, each turn with a seed of its own."""
    seconds: Seconds = {"ours": [], "feed loop": [], "fit": []}
    for seed in range(1, repeat + 1):
        seconds["ours"].append(our_seconds(recipe, training, validation, accuracy, seed))
        for name, kind in (("feed loop", FeedLoop), ("fit", KerasFit)):
            peer, count = kind(recipe, *training, seed), len(training[1])
            seconds[name].append(peer_seconds(peer, recipe, count, validation, accuracy, seed))
    return seconds


def measure(repeat: int) -> Iterator[str]:
    """The lines of the section."""
    training, validation = (
        tuple(np.asarray(each) for each in load_split(PROCESSED, split))
        for split in ("train", "validation")
    )
    recipe = load_params().models[RECIPE]
    yield f"Seconds of training until `{RECIPE}` has a validation accuracy of {ACCURACY:.1%}, which"
    yield f"is looked at {PARTS} times an epoch and whose own time is not counted; tracing and"
    yield f"compiling are. {repeat} seeds."
    yield ""
    yield "| ours | feed loop | fit | feed loop / ours | fit / ours |"
    yield "| ---: | ---: | ---: | ---: | ---: |"
    ours, feed, fit = time_to(recipe, training, validation, ACCURACY, repeat).values()
    middle = " | ".join(f"{median(each):.1f}" for each in (ours, feed, fit))
    yield f"| {middle} | {ratio(feed, ours)} | {ratio(fit, ours)} |"
