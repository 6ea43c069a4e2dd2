"""The accuracy that the visualisation tutorial shows: on the test images, after every batch."""

from collections.abc import Iterator

import numpy as np

from benchmarks.originals import Original
from src.common.paths import PROCESSED
from src.data.loader import Split
from src.data.splits import load_split

RECIPE = "mlp_dropout"
INTRODUCTION = """\
The last epoch of the original program of `{recipe}`, with the accuracy on all test images after
each of its {steps} batches:

| seed | lowest | mean | highest | at the end |
| --- | ---: | ---: | ---: | ---: |"""


def last_epoch(training: Split, test: Split, seed: int) -> list[float]:
    """Train, and return the test accuracy after each batch of the last epoch."""
    original = Original(RECIPE, *training, seed)
    original.train_steps((original.program.epochs - 1) * original.steps_per_epoch())
    accuracies = []
    for _ in range(original.steps_per_epoch()):
        original.train_steps(1)
        accuracies.append(original.accuracy(*test))
    return accuracies


def measure(repeat: int) -> Iterator[str]:
    """Train with ``repeat`` seeds."""
    training, test = (
        tuple(np.asarray(each) for each in load_split(PROCESSED, split))
        for split in ("train", "test")
    )
    for seed in range(1, repeat + 1):
        accuracies = last_epoch(training, test, seed)
        if seed == 1:
            yield INTRODUCTION.format(recipe=RECIPE, steps=len(accuracies))
        values = min(accuracies), np.mean(accuracies), max(accuracies), accuracies[-1]
        yield f"| {seed} | " + " | ".join(f"{value:.4f}" for value in values) + " |"
