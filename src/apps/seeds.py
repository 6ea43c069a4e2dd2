"""Train a recipe with several seeds, to measure how much its results vary.

``python -m src.apps.seeds NAME COUNT`` trains with the seeds train.seed, train.seed + 1, and so on.
It adds the results to metrics/seeds.csv, and prints their mean, standard deviation and the 95%
interval of the mean, and the accuracy of the averaged probabilities of all seeds: an ensemble.
``--validation`` leaves the test split out: use it to choose between recipes.

A seed that the file has is not trained again, so an interrupted program continues. If the recipe,
the settings, the data or the code that trains change, all seeds of the recipe are trained again.
"""

import argparse
import subprocess
import sys
import time
from pathlib import Path
from shutil import copyfile
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pandas as pd
from filelock import FileLock
from rich.console import Console
from rich.table import Table

from src.apps.one_seed import PLAN, PROBABILITIES, RESULT, present_key
from src.apps.shared import integer
from src.common import paths
from src.common.errors import PipelineError, run
from src.common.files import atomic_file, json_sha256, read_json, write_json
from src.config.params import load_params
from src.config.plan import training_plan
from src.config.recipes import load_recipes
from src.config.yaml_files import nearest
from src.data.splits import load_dataset_info, load_split, load_test_digest
from src.evaluation.tables import write_csv
from src.reporting.seeds import TYPES, accuracy_spread, load_seeds


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m src.apps.seeds", description=__doc__)
    parser.add_argument("name", metavar="NAME", help="a recipe of recipes.yaml")
    parser.add_argument("count", metavar="COUNT", type=integer(1), help="the number of seeds")
    parser.add_argument("--validation", action="store_true", help="do not use the test split")
    options = parser.parse_args()
    params, recipes = load_params(), load_recipes()
    if options.name not in recipes:
        hint, valid = nearest(options.name, [*recipes]), ", ".join(recipes)
        raise PipelineError(f"there is no recipe {options.name!r}{hint}; choose from: {valid}")
    if params.train.strategy == "multi_worker":
        raise PipelineError(
            "train.strategy is multi_worker, but seeds are trained on one machine; set it to single"
        )
    seeds = range(params.train.seed, params.train.seed + options.count)
    plan = training_plan(options.name, recipes[options.name], params)
    plan |= {"keep_epochs": False, "test": not options.validation}
    console = Console(highlight=False, soft_wrap=True)
    table = train_missing(plan, seeds, console)
    dataset = load_dataset_info(paths.PROCESSED)["name"]
    console.print(summary(table, f"{options.name} on {dataset}, {len(table)} seeds"))


def train_missing(plan: dict[str, Any], seeds: range, console: Console) -> pd.DataFrame:
    """Train with the seeds that ``metrics/seeds.csv`` lacks; return its rows of this training."""
    key = present_key(plan)
    table = write_row(None)  # fails before the work if the file cannot be written
    done = table[table.key == key]
    complete = done[done.test_accuracy.notna()] if plan["test"] else done
    missing = [seed for seed in seeds if seed not in set(complete.seed)]
    if known := len(seeds) - len(missing):
        console.print(f"{paths.SEEDS} has {known} of {len(seeds)} seeds already")
    for number, seed in enumerate(missing, 1):
        row = train(plan, seed)
        if row["key"] != key:
            raise PipelineError(
                "the data or the code changed while this program ran; start the same command again"
            )
        table = write_row(row)
        test = f", test accuracy {row['test_accuracy']:.4f}" if plan["test"] else ""
        console.print(
            f"{plan['name']}, seed {seed} ({number} of {len(missing)}): validation accuracy "
            f"{row['val_accuracy']:.4f}{test}, {row['cold_start'] + row['seconds']:.1f} s"
        )
    return table[table.key == key]


def train(plan: dict[str, Any], seed: int) -> dict[str, Any]:
    """Train and evaluate in a process of its own; return the row of ``metrics/seeds.csv``.

    Raises:
        PipelineError: the training failed.
    """
    with TemporaryDirectory() as name:
        folder, command = Path(name), [sys.executable, "-m", "src.apps.one_seed", name]
        settings = plan["train"] | {"seed": seed}
        write_json(folder / PLAN, plan | {"train": settings, "started": time.time()})
        if status := subprocess.run(command).returncode:  # Ctrl-C ends it, too
            reason = "see its message above" if status > 0 else f"signal {-status} ended it"
            raise PipelineError(f"the training of {plan['name']} with seed {seed} failed; {reason}")
        result = read_json(folder / RESULT, "train")
        if plan["test"]:
            with atomic_file(_probabilities(result["weights"])) as partial:
                copyfile(folder / PROBABILITIES, partial)
        return {"recipe": plan["name"], "seed": seed} | result


def write_row(row: dict[str, Any] | None) -> pd.DataFrame:
    """Write ``metrics/seeds.csv`` with a result, if there is one; return the content of the file.

    A row of the same training and seed is replaced; rows of former trainings of the recipe on the
    dataset are removed. Two programs can do this at the same time.
    """
    with FileLock(_folder() / "lock"):
        table = load_seeds()
        if row:
            is_same = (table.dataset == row["dataset"]) & (table.recipe == row["recipe"])
            is_replaced = (table.key != row["key"]) | (table.seed == row["seed"])
            kept = table[~(is_same & is_replaced)].to_dict("records")
            table = pd.DataFrame([*kept, row], columns=[*TYPES])
            table = table.sort_values(["dataset", "recipe", "seed"])
            if "test_accuracy" in row:
                same = table[table.key == row["key"]]
                table.loc[same.index, "ensemble_accuracy"] = ensemble_accuracies([*same.weights])
        write_csv(paths.SEEDS, table)
        return load_seeds()


def ensemble_accuracies(weights: list[str]) -> list[float]:
    """The test accuracy of the averaged probabilities of the first model, the first two, …

    It is NaN from the first model on whose probabilities are not on this machine.

    Args:
        weights: of the models, as in ``metrics/seeds.csv``.
    """
    labels, total, accuracies = load_split(paths.PROCESSED, "test")[1], np.zeros(1), []
    for each in weights:
        path = _probabilities(each)
        total = total + (np.load(path, allow_pickle=False) if path.exists() else np.nan)
        is_known = np.isfinite(total).all()
        accuracies.append(float((total.argmax(axis=1) == labels).mean()) if is_known else np.nan)
    return accuracies


def _probabilities(weights: str) -> Path:
    """The file with the probabilities that a model predicts for the present test images."""
    key = json_sha256([weights, load_test_digest(paths.PROCESSED)])[:16]
    return _folder() / f"{key}.npy"


def _folder() -> Path:
    folder = paths.main_checkout() / paths.LOGS / "seeds"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def summary(table: pd.DataFrame, title: str) -> Table:
    """The spread of the accuracies on both splits; – where one seed is not enough."""
    grid = Table(title=title)
    for name in ("accuracy", "seeds", "mean", "standard deviation", "95% interval of the mean"):
        grid.add_column(name, justify="left" if name == "accuracy" else "right", no_wrap=True)
    for split, column in (("validation", "val_accuracy"), ("test", "test_accuracy")):
        if values := table[column].dropna().tolist():
            mean, stddev, low, high = accuracy_spread(values)
            spread = (f"{stddev:.5f}", f"{low:.4f}–{high:.4f}") if len(values) > 1 else ("–", "–")
            grid.add_row(split, str(len(values)), f"{mean:.4f}", *spread)
    ensemble = table.ensemble_accuracy.tolist()[-1]
    if len(table) > 1 and not np.isnan(ensemble):
        # A longer name would cut the numbers in a terminal of 80 columns.
        grid.add_row("ensemble", str(len(table)), f"{ensemble:.4f}", "–", "–")
    return grid


if __name__ == "__main__":
    run(main)
