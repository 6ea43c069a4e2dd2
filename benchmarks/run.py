"""Seconds per epoch and images per second, ours against the tutorials' way and stock Keras.

``make bench`` runs all programs in turn in one process, epoch by epoch, and writes
``benchmarks/RESULTS.md``. Training images only.
"""

import argparse
import os
import platform
import re
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from statistics import median

import keras
import numpy as np
from rich.console import Console

from benchmarks.peers import FeedLoop, KerasFit
from src.data import load_split
from src.device import choose_device
from src.errors import run
from src.execution import choose_execution
from src.inference import Predictor
from src.model import build_model
from src.params import load_params
from src.paths import PROCESSED
from src.recipe import Recipe, load_recipe
from src.training import Trainer

RESULTS = Path(__file__).with_name("RESULTS.md")
VALIDATION = 100  # images; the loop validates after each epoch, the peers never


class InTurn(keras.callbacks.Callback):
    """After each epoch of our loop, lets each peer train for one, and times all."""

    def __init__(self, peers: dict[str, Callable[[], float]]) -> None:
        super().__init__()
        self.seconds: dict[str, list[float]] = {name: [] for name in ("ours", *peers)}
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
    peers = {
        "feed loop": FeedLoop(recipe, images, labels).epoch,
        "fit": KerasFit(recipe, images, labels).epoch,
    }
    watcher = InTurn(peers)
    validation = images[:VALIDATION], labels[:VALIDATION]
    classes = int(labels.max()) + 1
    Trainer(recipe, (images, labels), validation, classes, 1, execution).run([watcher])
    watcher.seconds = {name: seconds[1:] for name, seconds in watcher.seconds.items()}
    return watcher


def time_inference(recipe: Recipe, images: np.ndarray, repeat: int) -> dict[str, list[float]]:
    """Seconds for the logits of all images, in turn, after one run that is not counted."""
    model = build_model(recipe, *images.shape[1:], 10)
    predictor = Predictor(model)
    programs = {
        "ours": lambda: predictor.logits(images),
        "predict": lambda: model.predict(images, verbose=0),
    }
    seconds: dict[str, list[float]] = {name: [] for name in programs}
    for _ in range(repeat + 1):
        for name, program in programs.items():
            started = time.perf_counter()
            program()
            seconds[name].append(time.perf_counter() - started)
    return {name: each[1:] for name, each in seconds.items()}


def ratio(peer: list[float], ours: list[float]) -> str:
    """How many times as long the peer takes: median of the turns, least and most."""
    ratios = [a / b for a, b in zip(peer, ours, strict=True)]
    return f"{median(ratios):.2f} ({min(ratios):.2f}–{max(ratios):.2f})"


def machine() -> str:
    """The machine and the versions, for the heading of the results."""
    found = None
    if Path("/proc/cpuinfo").exists():
        found = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text("utf-8"))
    processor = found[1] if found else platform.processor()
    versions = ", ".join(f"{name} {version(name)}" for name in ("tensorflow", "keras", "numpy"))
    return f"{processor}, {os.cpu_count()} cores, Python {platform.python_version()}, {versions}"


def main() -> None:
    recipes = load_params().models
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeat", type=int, default=5, help="counted epochs of each program")
    parser.add_argument("--images", type=int, help="so many training images only")
    parser.add_argument("--recipes", nargs="+", choices=list(recipes), default=list(recipes))
    parser.add_argument("--output", type=Path, default=RESULTS)
    options = parser.parse_args()
    console = Console(highlight=False, soft_wrap=True)
    images, labels = (np.asarray(each)[: options.images] for each in load_split(PROCESSED, "train"))

    lines = [
        "# Results",
        "",
        f"Made by `make bench` on {machine()}; {len(labels):,} training images, medians of "
        f"{options.repeat}. Programs run in turn, epoch by epoch; ratios are of one turn, with "
        "the least and the most in brackets: above 1, ours is faster.",
        "",
        "## Training",
        "",
        "Seconds per epoch. *Feed loop*: the TensorFlow 1 way, a session fed batch by batch. "
        "*fit*: stock Keras with default settings, without averaging weights.",
        "",
        "| recipe | ours runs as | ours | feed loop | fit | feed loop / ours | fit / ours |",
        "| --- | --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    for name in options.recipes:
        timed = time_epochs(recipes[name], images, labels, options.repeat).seconds
        ours, feed, fit = timed.values()
        execution = choose_execution(recipes[name], "cpu", "auto", "auto")
        middle = " | ".join(f"{median(each):.3f}" for each in (ours, feed, fit))
        lines.append(
            f"| {name} | {execution} | {middle} | {ratio(feed, ours)} | {ratio(fit, ours)} |"
        )
        console.print(lines[-1])
    lines += [
        "",
        "## Inference",
        "",
        "Images per second. *predict*: `model.predict` with default settings.",
        "",
        "| recipe | ours | predict | ours / predict |",
        "| --- | ---: | ---: | ---: |",
    ]
    for name in options.recipes:
        timed = time_inference(recipes[name], images[:10_000], options.repeat)
        count = len(images[:10_000])
        rates = " | ".join(f"{count / median(each):,.0f}" for each in timed.values())
        lines.append(f"| {name} | {rates} | {ratio(timed['predict'], timed['ours'])} |")
        console.print(lines[-1])
    options.output.write_text("\n".join(lines) + "\n", "utf-8")


if __name__ == "__main__":
    run(main)
