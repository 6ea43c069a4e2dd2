"""Seconds per epoch, against the tutorials' way, stock Keras, and the machine's limit."""

import time
from collections.abc import Callable, Iterator
from statistics import median

import keras
import numpy as np

from benchmarks.peers import FeedLoop, KerasFit
from benchmarks.products import Products
from benchmarks.timing import Seconds, ratio
from src.common.paths import PROCESSED
from src.config.params import load_params
from src.config.recipe import Recipe, load_recipe
from src.data.splits import load_split
from src.models.device import choose_device
from src.training.execution import choose_execution
from src.training.setup import make_trainer

VALIDATION = 100  # images; the loop validates after each epoch, the peers never


class InTurn(keras.callbacks.Callback):
    """After each epoch of our loop, lets each peer run for one, and times all."""

    def __init__(self, peers: dict[str, Callable[[], float]]) -> None:
        super().__init__()
        self.seconds: Seconds = {name: [] for name in ("ours", *peers)}
        self.losses: dict[str, list[float]] = {name: [] for name in peers}
        self._peers = peers

    def on_train_begin(self, logs=None):
        self._started = time.perf_counter()

    def on_epoch_end(self, epoch, logs=None):
        self.seconds["ours"].append(time.perf_counter() - self._started)
        for name, train_epoch in self._peers.items():
            started = time.perf_counter()
            self.losses[name].append(train_epoch())
            self.seconds[name].append(time.perf_counter() - started)
        self._started = time.perf_counter()


def time_epochs(recipe: Recipe, images: np.ndarray, labels: np.ndarray, repeat: int) -> InTurn:
    """Train ``repeat`` counted epochs with each program, after one that is not counted."""
    content = recipe.model_dump() | {"epochs": repeat + 1, "steps": None, "validate_every": None}
    recipe = load_recipe(content)
    execution = choose_execution(recipe, choose_device("cpu"), "auto", "auto")
    classes = int(labels.max()) + 1
    validation = images[:VALIDATION], labels[:VALIDATION]
    trainer = make_trainer(recipe, (images, labels), validation, classes, 1, execution)
    products = Products(trainer.model, recipe.batch_size, execution)
    peers = {
        "feed loop": FeedLoop(recipe, images, labels).epoch,
        "fit": KerasFit(recipe, images, labels).epoch,
        "products": lambda: products.run(len(labels) // recipe.batch_size),
    }
    watcher = InTurn(peers)
    trainer.run([watcher])
    watcher.seconds = {name: seconds[1:] for name, seconds in watcher.seconds.items()}
    watcher.flops = products.flops
    return watcher


def measure(repeat: int) -> Iterator[str]:
    """The lines of the section."""
    images, labels = (np.asarray(each) for each in load_split(PROCESSED, "train"))
    recipes = load_params().models
    yield f"Seconds per epoch of {len(labels):,} images. *Feed loop*: the TensorFlow 1 way, a"
    yield "session fed batch by batch. *fit*: stock Keras with default settings, without averaging"
    yield "weights. *Ours* shuffles, steps and validates on 100 images."
    yield ""
    yield "| recipe | ours runs as | ours | feed loop | fit | feed loop / ours | fit / ours |"
    yield "| --- | --- | ---: | ---: | ---: | ---: | ---: |"
    limits = []
    for name, recipe in recipes.items():
        watcher = time_epochs(recipe, images, labels, repeat)
        ours, feed, fit, products = watcher.seconds.values()
        execution = choose_execution(recipe, "cpu", "auto", "auto")
        middle = " | ".join(f"{median(each):.3f}" for each in (ours, feed, fit))
        yield f"| {name} | {execution} | {middle} | {ratio(feed, ours)} | {ratio(fit, ours)} |"
        per_image = watcher.flops / recipe.batch_size
        rates = [per_image * len(labels) / median(each) / 1e9 for each in (ours, products)]
        share = median(a / b for a, b in zip(products, ours, strict=True))
        limits.append(
            f"| {name} | {per_image / 1e6:.2f} | {rates[0]:.0f} | {rates[1]:.0f} | {share:.0%} |"
        )
    yield ""
    yield "How near that is to the machine's limit. *Arithmetic*: the matrix products and"
    yield "convolutions of a step, forward and backward, counted from the layers' shapes. *Products"
    yield "alone*: these and nothing else, each timed by itself with TensorFlow, compiled and"
    yield "rounded as ours. *Share*: the part of our epoch that the products alone would take."
    yield ""
    yield "| recipe | arithmetic, MFLOP per image | ours, GFLOP/s | products alone | share |"
    yield "| --- | ---: | ---: | ---: | ---: |"
    yield from limits
