"""Trials per hour, by workers and threads of each."""

import tempfile
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from statistics import median

import yaml

from benchmarks.pipeline import clone, command

RECIPE, EPOCHS, TRIALS = "mlp_dropout", 5, 4
SHOW = ("dvc", "exp", "show", "--csv")
WAYS = ((1, 2), (2, 1), (2, 2))  # workers, threads of each


def measure(repeat: int) -> Iterator[str]:
    """The lines of the section."""
    with tempfile.TemporaryDirectory() as folder:
        checkout = clone(Path(folder))
        path = checkout / "params.yaml"
        params = yaml.safe_load(path.read_text("utf-8"))
        params["model"] = RECIPE
        params["models"][RECIPE]["epochs"] = EPOCHS
        path.write_text(yaml.safe_dump(params, sort_keys=False), "utf-8")
        command(checkout, "dvc", "repro", "--quiet", "preprocess", "plan")
        command(checkout, "git", "commit", "-qam", "A short training")
        seeds, seconds = count(), {way: [] for way in WAYS}
        shown = [command(checkout, *SHOW) for _ in range(2)][1:]
        for _ in range(repeat):
            for workers, threads in WAYS:
                chosen = ",".join(str(next(seeds)) for _ in range(TRIALS))
                changes = ["-S", f"train.seed={chosen}", "-S", f"train.threads={threads}"]
                words = ["python", "-m", "src.apps.sweep", *changes, "--workers", str(workers)]
                seconds[workers, threads].append(command(checkout, *words))
        shown += [command(checkout, *SHOW) for _ in range(2)]
        experiments = next(seeds)
    yield f"A sweep over {TRIALS} seeds of `{RECIPE}`, {EPOCHS} epochs, in turn; trials per hour,"
    yield "with the least and the most."
    yield ""
    yield "| workers | threads of each | seconds | trials per hour |"
    yield "| ---: | ---: | ---: | ---: |"
    for (workers, threads), each in seconds.items():
        rates = [TRIALS * 3600 / one for one in each]
        yield (
            f"| {workers} | {threads} | {median(each):.0f} | {median(rates):.0f} "
            f"({min(rates):.0f}–{max(rates):.0f}) |"
        )
    yield ""
    yield f"`dvc exp show` takes {shown[0]:.1f} s without an experiment; with these {experiments},"
    yield f"{shown[1]:.1f} s the first time and {shown[2]:.1f} s later."
