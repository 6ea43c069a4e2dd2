"""Trials per hour of a sweep, for different numbers of workers and threads."""

import tempfile
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from statistics import median

import yaml

from benchmarks.processes import clone, measure_command
from src.config.yaml_files import read_yaml

RECIPE, EPOCHS, TRIALS = "mlp_dropout", 5, 4
CONFIGURATIONS = ((1, 2), (2, 1), (2, 2))  # workers, threads per worker
SHOW = ("dvc", "exp", "show", "--csv")
INTRODUCTION = """\
A sweep over {trials} seeds of `{recipe}`, {epochs} epochs each. The three configurations run
alternately. Trials per hour: median, minimum and maximum.

| workers | threads per worker | seconds | trials per hour |
| ---: | ---: | ---: | ---: |"""
SHOW_SECONDS = """
`dvc exp show` takes {empty:.1f} s without experiments. With these {experiments} experiments, it
takes {first:.1f} s the first time and {again:.1f} s afterwards."""


def prepare(folder: Path) -> Path:
    """Clone the repository, with a short training of one recipe and the preprocessed data."""
    checkout = clone(folder)
    path = checkout / "params.yaml"
    params = read_yaml(path.read_text("utf-8"))
    params["model"] = RECIPE
    params["train"]["epochs"] = EPOCHS
    path.write_text(yaml.safe_dump(params, sort_keys=False), "utf-8")
    measure_command(checkout, "dvc", "repro", "--quiet", "preprocess", "plan")
    measure_command(checkout, "git", "commit", "-qam", "Shorten the training")
    return checkout


def measure(repeat: int) -> Iterator[str]:
    unused, seconds = count(), {each: [] for each in CONFIGURATIONS}
    with tempfile.TemporaryDirectory() as folder:
        checkout = prepare(Path(folder))
        _, empty = (measure_command(checkout, *SHOW).seconds for _ in range(2))
        for _ in range(repeat):
            for workers, threads in CONFIGURATIONS:
                seeds = ",".join(str(next(unused)) for _ in range(TRIALS))
                changes = ["-S", f"train.seed={seeds}", "-S", f"train.threads={threads}"]
                command = ["python", "examples/sweep.py", *changes, "--workers", str(workers)]
                seconds[workers, threads].append(measure_command(checkout, *command).seconds)
        first, again = (measure_command(checkout, *SHOW).seconds for _ in range(2))
    yield INTRODUCTION.format(trials=TRIALS, recipe=RECIPE, epochs=EPOCHS)
    for (workers, threads), each in seconds.items():
        rates = [TRIALS * 3600 / one for one in each]
        yield (
            f"| {workers} | {threads} | {median(each):.0f} | {median(rates):.0f} "
            f"({min(rates):.0f}–{max(rates):.0f}) |"
        )
    yield SHOW_SECONDS.format(empty=empty, experiments=next(unused), first=first, again=again)
