"""Seconds of each training in the pipeline."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from benchmarks.processes import clone, repeat_pipeline
from src.common.paths import TIMING

INTRODUCTION = """\
Seconds of training and validation, median of {repeat} runs of the complete pipeline.

| recipe | seconds |
| --- | ---: |"""


def training_seconds(checkout: Path) -> pd.Series:
    """The seconds of each recipe that the pipeline has trained in a checkout."""
    return pd.read_csv(checkout / TIMING).groupby("recipe").seconds.max()


def measure(repeat: int) -> Iterator[str]:
    with tempfile.TemporaryDirectory() as folder:
        checkout, runs = clone(Path(folder)), []
        for _ in range(repeat):
            repeat_pipeline(checkout)
            runs.append(training_seconds(checkout))
    yield INTRODUCTION.format(repeat=repeat)
    medians = pd.concat(runs, axis=1).median(axis=1).sort_values(ascending=False)
    for recipe, seconds in medians.items():
        yield f"| {recipe} | {seconds:.1f} |"
    yield f"| all | {medians.sum():.1f} |"
