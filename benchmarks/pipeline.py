"""Measure the overhead of ``dvc repro``, and of MLflow in it."""

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from statistics import median

from benchmarks.durations import training_seconds
from benchmarks.processes import clone, measure_command, repeat_pipeline
from benchmarks.timing import ratio
from src.common.paths import MODELS

# What is appended to these modules, so that nothing is logged to MLflow.
WITHOUT_MLFLOW = {
    "src/tracking/live.py": "START_SECONDS = 1e6\n",
    "src/tracking/sync.py": "def sync_within_limit() -> None:\n    pass\n",
}
INTRODUCTION = """\
The complete pipeline on MNIST in a fresh clone, from the IDX files to the comparison; alternately,
the same pipeline without writing to MLflow.
*Overhead* is the fraction of the time that is not training: imports, evaluation, MLflow, and DVC.

| `dvc repro --force`, seconds | training | overhead | with MLflow / without |
| ---: | ---: | ---: | ---: |"""
IMPORTS = """
Each of {processes} processes, one per family and the evaluation, imports TensorFlow and Keras in
{seconds:.1f} s: {fraction:.1%} of the time above."""


def forced_runs(checkout: Path, without_mlflow: Path, repeat: int) -> Iterator[str]:
    """Run all stages of both clones alternately; yield the row of the table, and the imports."""
    tracked, untracked, trainings = [], [], []
    for _ in range(repeat):
        tracked.append(repeat_pipeline(checkout).seconds)
        trainings.append(training_seconds(checkout).sum())
        untracked.append(repeat_pipeline(without_mlflow).seconds)
    overheads = [1 - training / total for training, total in zip(trainings, tracked, strict=True)]
    yield (
        f"| {median(tracked):.0f} | {median(trainings):.0f} | {median(overheads):.1%} "
        f"({min(overheads):.1%}–{max(overheads):.1%}) | {ratio(tracked, untracked)} |"
    )
    imports = sys.executable, "-c", "import src.common.tensorflow"
    seconds = median(measure_command(checkout, *imports).seconds for _ in range(repeat + 1))
    trained = (checkout / MODELS).glob("*/*/training.json")
    processes = 1 + len({path.parents[1] for path in trained})
    fraction = processes * seconds / median(tracked)
    yield IMPORTS.format(processes=processes, seconds=seconds, fraction=fraction)


def measure(repeat: int) -> Iterator[str]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        checkout, without_mlflow = clone(folder / "mlflow"), clone(folder / "without")
        for name, end in WITHOUT_MLFLOW.items():
            with (without_mlflow / name).open("a") as module:
                module.write(end)
        yield INTRODUCTION
        yield from forced_runs(checkout, without_mlflow, repeat)
