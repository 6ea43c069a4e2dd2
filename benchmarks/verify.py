"""Train everything again in a clone, and compare the results with the last commit: ``make verify``.

The clone has no cache. ``python -m benchmarks.verify RECIPE`` trains one recipe or family only. The
exit status is 0 if each recipe has the same weights, or the same test accuracy within the spread
between seeds.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Collection
from math import sqrt
from pathlib import Path
from typing import Any

import pandas as pd
import yaml
from rich.console import Console
from rich.table import Table
from scipy.stats import t

from benchmarks.processes import ROOT, clone, environment
from src.common.errors import PipelineError, run
from src.common.files import read_json
from src.common.paths import LOCK, RECORDED_ON, TEST

SEEDS = ROOT / "benchmarks/fidelity.csv"
LEVEL = 0.95  # that a recipe which differs only by chance is within the spread, for all together
SAME_BITS, SAME_METRICS, DIFFERS = "same bits", "same metrics", "differs"


def verdicts(
    committed: dict[str, Any], new: dict[str, Any], spreads: dict[str, tuple[float, int]]
) -> dict[str, str]:
    """Compare two ``metrics/test.json``; a verdict for each recipe in ``new``.

    The weights are the same, or the test accuracies differ by at most t × √2 × s, as in
    ``src.reporting.published``. ``spreads`` contains s and its degrees of freedom.
    """
    level, result = LEVEL ** (1 / max(1, len(new))), {}
    for name, own in new.items():
        other = committed.get(name, {"weights_sha256": None, "accuracy": float("nan")})
        stddev, degrees_of_freedom = spreads.get(name, (0.0, 1))
        limit = float(t.ppf((1 + level) / 2, degrees_of_freedom)) * sqrt(2) * stddev
        if all(own[key] == other[key] for key in ("weights_sha256", "accuracy")):
            result[name] = SAME_BITS
        else:
            close = abs(own["accuracy"] - other["accuracy"]) <= limit
            result[name] = SAME_METRICS if close else DIFFERS
    return result


def spreads_between_seeds(results: pd.DataFrame) -> dict[str, tuple[float, int]]:
    """The standard deviation of the last test accuracy between seeds, and its degrees of freedom.

    ``results`` is the table of docs/fidelity.md; the two programs of a recipe are pooled.
    """
    results = results[results.metric == "test_accuracy"]
    last = results.groupby(["recipe", "program", "seed"]).value.last().reset_index()
    spreads = {}
    for recipe, group in last.groupby("recipe"):
        programs = group.groupby("program").value
        degrees_of_freedom = int((programs.count() - 1).sum())
        squares = ((programs.count() - 1) * programs.var()).sum()
        spreads[str(recipe)] = sqrt(squares / degrees_of_freedom), degrees_of_freedom
    return spreads


def changed_outputs(committed: str, new: str, recipes: Collection[str]) -> list[str]:
    """The models of ``recipes`` with different hashes in two ``dvc.lock``."""
    stages = [yaml.safe_load(text)["stages"] for text in (committed, new)]
    names = [name for name in recipes if any(f"train@{name}" in each for each in stages)]
    hashes = [
        {name: each.get(f"train@{name}", {}).get("outs") for name in names} for each in stages
    ]
    return [f"models/{name}" for name in names if hashes[0][name] != hashes[1][name]]


def repeat(checkout: Path, model: str | None) -> None:
    """Run the pipeline in a clone; its messages are visible.

    Raises:
        PipelineError: the pipeline failed.
    """
    command = ["dvc", "exp", "run", "-S", "data.fallback=none"]
    command += ["-S", f"model={model}"] if model else []
    for words in (["dvc", "cache", "dir", "--local", "--quiet", ".dvc/cache"], command):
        if subprocess.run(
            words, cwd=checkout, env=environment() | {"TABLE_FOLLOWS": "1"}
        ).returncode:
            raise PipelineError(f"`{' '.join(words)}` failed in a clone of the last commit")
    record = [sys.executable, "-m", "src.tracking.recorded_on"]
    done = subprocess.run(record, cwd=checkout, env=environment(), capture_output=True, text=True)
    if done.returncode:
        raise PipelineError(f"the clone of the last commit: {done.stderr}")


def show(
    results: dict[str, str], tests: list[dict[str, Any]], origins: list[dict[str, Any]]
) -> None:
    """Print the verdicts, and where the results come from; of each pair, the first is committed."""
    console = Console(highlight=False, width=None if sys.stdout.isatty() else 140)
    table = Table("recipe", "committed", "here", "verdict", title="Test accuracy")
    for name, verdict in results.items():
        cells = [f"{test[name]['accuracy']:.4f}" if name in test else "–" for test in tests]
        table.add_row(name, *cells, verdict)
    console.print(table)
    table = Table("", "committed", "here", title="Where the results come from")
    for key in ("dataset", "dataset_digest", "processor", "threads", "versions"):
        values = [origin.get(key, "–") for origin in origins]
        table.add_row(
            key.replace("_", " "),
            *(
                ", ".join(map(" ".join, v.items())) if isinstance(v, dict) else str(v)
                for v in values
            ),
        )
    console.print(table)


def committed(path: Path) -> str:
    """The content of a file in the last commit.

    Raises:
        PipelineError: there is no such file.
    """
    command = ["git", "show", f"HEAD:{path}"]
    shown = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    if shown.returncode:
        raise PipelineError(f"the last commit has no {path}; run `make record` and commit it")
    return shown.stdout


def weights(recipes: dict[str, Any]) -> dict[str, str]:
    """The digest of the weights of each recipe."""
    return {name: each["weights_sha256"] for name, each in recipes.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", nargs="?", metavar="RECIPE", help="a recipe or a family")
    model = parser.parse_args().model
    tests, origins = ([json.loads(committed(path))] for path in (TEST, RECORDED_ON))
    if weights(origins[0]["recipes"]) != weights(tests[0]):
        raise PipelineError(
            f"in the last commit, {RECORDED_ON} and {TEST} are of different trainings; run "
            "`make record` and commit both"
        )
    locks = [committed(LOCK)]
    with tempfile.TemporaryDirectory() as folder:
        checkout = clone(Path(folder))
        repeat(checkout, model)
        tests.append(read_json(checkout / TEST, "evaluate"))
        origins.append(json.loads((checkout / RECORDED_ON).read_text("utf-8")))
        locks.append((checkout / LOCK).read_text("utf-8"))
    results = verdicts(*tests, spreads_between_seeds(pd.read_csv(SEEDS)))
    show(results, tests, origins)
    if changed := changed_outputs(*locks, results):
        print(f"Outputs with another hash than in the committed dvc.lock: {', '.join(changed)}")
    if DIFFERS in results.values() or not results:
        sys.exit(1)


if __name__ == "__main__":
    run(main, is_stage=False)
