"""Train all again in a clone, and compare the results with the last commit: `make verify`.

The clone has no cache. `python -m src.apps.verify NAME` trains one recipe or family only. The
exit status is 0 if each recipe has the same weights, or the same test accuracy within the spread
between seeds in `metrics/seeds.csv`.
"""

import argparse
import json
import os
import subprocess
import sys
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pandas as pd
from rich.table import Table

from src.common.errors import PipelineError, run
from src.common.files import read_json
from src.common.git import committed
from src.common.paths import COMPARISON, RAW, RECORDED_ON, TEST
from src.config.params import load_params
from src.config.plan import select
from src.config.recipes import load_recipes
from src.reporting.agreement import SAME_BITS, WITHIN, Tests, spreads_between_seeds, verdicts
from src.reporting.report import new_console


def repeat(checkout: Path, model: str | None) -> None:
    """Run the pipeline in a clone of the last commit; a PipelineError if a command fails."""
    data = load_params().data  # relative folders are those of this checkout
    raw = [] if data.dataset == "local" else [str(RAW)]  # it lacks the names of own classes
    names = [*raw, *(each.replace("{dataset}", data.dataset) for each in data.folders)]
    absolute = [str(Path(name).expanduser().resolve()) for name in names]
    folders = json.dumps(absolute, ensure_ascii=False)  # Hydra does not read \u00fc
    pipeline = ["dvc", "exp", "run", "-S", "data.fallback=none", "-S", f"data.folders={folders}"]
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("DVC_", "MLFLOW_"))}
    for command in (
        ["git", "clone", "-q", os.getcwd(), "."],
        ["dvc", "cache", "dir", "--local", "--quiet", ".dvc/cache"],
        pipeline + (["-S", f"model={model}"] if model else []),
        [sys.executable, "-m", "src.tracking.notes"],
    ):
        if subprocess.run(command, cwd=checkout, env=kept | {"TABLE_FOLLOWS": "1"}).returncode:
            what = " ".join(command[:3])
            raise PipelineError(f"`{what}` failed in a clone; see its message above")


def show(results: dict[str, str], tests: list[Tests], origins: list[dict[str, Any]]) -> None:
    """Print the verdicts, and where the results come from; of each pair, the first is committed."""
    console = new_console()
    table = Table("recipe", "committed", "here", "verdict", title="Test accuracy")
    for name in tests[1]:
        cells = [f"{test[name]['accuracy']:.4f}" if name in test else "–" for test in tests]
        table.add_row(name, *cells, results.get(name, "no committed result"))
    console.print(table)
    table = Table("", "committed", "here", title="Where the results come from")
    for key in ("dataset", "dataset_digest", "processor", "threads", "versions", "variables"):
        values = [origin.get(key, "–") for origin in origins]
        texts = [", ".join(map(" ".join, v.items())) if isinstance(v, dict) else v for v in values]
        table.add_row(key.replace("_", " "), *map(str, texts))
    console.print(table)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m src.apps.verify", description=__doc__)
    parser.add_argument("model", nargs="?", metavar="NAME", help="a recipe or a family")
    model = parser.parse_args().model
    before, origin = (json.loads(committed(path) or "{}") for path in (TEST, RECORDED_ON))
    if not before or not origin:
        raise PipelineError("no results are committed; run `make repro`, `make record`, commit")
    selected = select(model or load_params().model, load_recipes())
    if not {*before}.intersection(selected):
        raise PipelineError(f"the last commit has no result of it, but of {', '.join(before)}")
    spreads = spreads_between_seeds(pd.read_csv(StringIO(committed(COMPARISON))))
    with TemporaryDirectory() as folder:
        checkout = Path(folder)
        repeat(checkout, model)
        now = read_json(checkout / TEST, "compare")
        origins = [origin, json.loads((checkout / RECORDED_ON).read_text("utf-8"))]
    results = verdicts(before, now, spreads)
    show(results, [before, now], origins)
    if not results or {*results.values()} - {SAME_BITS, WITHIN}:
        sys.exit(1)


if __name__ == "__main__":
    run(main)
