"""Train a recipe with several seeds, to measure how much its results vary.

``python -m src.apps.seeds NAME COUNT`` trains with the seeds train.seed, train.seed + 1, and so on.
It adds the results to metrics/seeds.csv, and prints their mean, standard deviation and the 95%
interval of the mean. ``--validation`` leaves the test split out: use it to choose between recipes.

A seed that the file has is not trained again, so an interrupted program continues. If the recipe,
the settings or the dataset change, all seeds of the recipe are trained again. After a change of
code that affects results, remove the rows of the file.
"""

import argparse
import signal
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pandas as pd
from rich.console import Console
from rich.table import Table

from src.apps.one_seed import PLAN, RESULT
from src.common import paths
from src.common.errors import PipelineError, run
from src.common.files import read_json, write_json
from src.config.params import Params, load_params
from src.config.validation_errors import nearest
from src.data.splits import load_dataset_info
from src.evaluation.statistics import mean_interval
from src.evaluation.tables import write_csv
from src.models.definition import definition
from src.models.size import check_memory
from src.reporting.seeds import TYPES, load_seeds

LARGEST_SEED = 2**31 - 1


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m src.apps.seeds", description=__doc__)
    parser.add_argument("name", metavar="NAME", help="a recipe of params.yaml")
    parser.add_argument("count", metavar="COUNT", type=int, help="the number of seeds")
    parser.add_argument("--validation", action="store_true", help="do not use the test split")
    options = parser.parse_args()
    params = load_params()
    seeds = check(params, options.name, options.count)
    dataset = load_dataset_info(paths.PROCESSED)
    plan = make_plan(params, options.name, dataset) | {"test": not options.validation}
    console = Console(highlight=False, soft_wrap=True)
    table = train_missing(plan, dataset, seeds, console)
    console.print(summary(table, f"{options.name} on {dataset['name']}, {len(table)} seeds"))
    medians = table[["seconds", "cold_start"]].median()
    console.print(
        f"median times: {medians.seconds:.1f} s of training after the first step, "
        f"{medians.cold_start:.1f} s from the start of the process to the end of the first step"
    )


def check(params: Params, name: str, count: int) -> range:
    """Return the seeds to train with.

    Raises:
        PipelineError: there is no such recipe, or it cannot be trained with these seeds.
    """
    if name in params.ensembles:
        raise PipelineError(
            f"{name} is an ensemble, which has no training of its own; choose one of its members"
        )
    if name not in params.models:
        hint = nearest(name, list(params.models))
        valid = ", ".join(params.models)
        raise PipelineError(f"there is no recipe {name!r}{hint}; choose from: {valid}")
    if params.train.strategy == "multi_worker":
        raise PipelineError(
            "train.strategy is multi_worker, but seeds are trained on one machine; set it to single"
        )
    if count < 1:
        raise PipelineError(f"COUNT is {count}, but at least 1 seed is needed; give a larger COUNT")
    seeds = range(params.train.seed, params.train.seed + count)
    if seeds[-1] > LARGEST_SEED:
        raise PipelineError(
            f"the last seed, {seeds[-1]}, is above {LARGEST_SEED}; give a smaller COUNT, or set "
            "train.seed to a smaller number"
        )
    return seeds


def make_plan(params: Params, name: str, dataset: dict[str, Any]) -> dict[str, Any]:
    """Return the content of the recipe file that the stage ``plan`` would write.

    Raises:
        PipelineError: the training needs more memory than there is.
    """
    images = dataset["counts"]["train"], dataset["height"], dataset["width"]
    check_memory(name, params.models[name], params.train, images, dataset["classes"])
    return params.training(name) | {"keep_epochs": False}


def train_missing(
    plan: dict[str, Any], dataset: dict[str, Any], seeds: range, console: Console
) -> pd.DataFrame:
    """Train with the seeds that the file lacks; return all results of this definition in it.

    The file is written after each seed. Its order does not depend on that of the trainings.
    """
    identity = {"dataset": dataset["name"], "recipe": plan["name"]}
    identity["definition"] = definition(plan["recipe"], plan["train"], dataset["digest"])
    done = own_rows(load_seeds(), identity)
    complete = done[done.test_accuracy.notna()] if plan["test"] else done
    missing = [seed for seed in seeds if seed not in set(complete.seed)]
    if known := len(seeds) - len(missing):
        console.print(f"{paths.SEEDS} has {known} of {len(seeds)} seeds already")
    for number, seed in enumerate(missing, 1):
        row = identity | {"seed": seed} | train(plan, seed)
        write_csv(paths.SEEDS, with_row(load_seeds(), row))
        test = f", test accuracy {row['test_accuracy']:.4f}" if plan["test"] else ""
        console.print(
            f"{plan['name']}, seed {seed} ({number} of {len(missing)}): validation accuracy "
            f"{row['val_accuracy']:.4f}{test}, {row['cold_start'] + row['seconds']:.1f} s"
        )
    return own_rows(load_seeds(), identity)


def own_rows(table: pd.DataFrame, identity: dict[str, str]) -> pd.DataFrame:
    """The rows with these values of dataset, recipe and definition."""
    return table[(table[list(identity)] == pd.Series(identity)).all(axis=1)]


def with_row(table: pd.DataFrame, row: dict[str, Any]) -> pd.DataFrame:
    """Add the result of a seed; remove an older one, and those of other definitions."""
    own = (table.dataset == row["dataset"]) & (table.recipe == row["recipe"])
    kept = table[~own | ((table.definition == row["definition"]) & (table.seed != row["seed"]))]
    columns = list(TYPES)
    records = [*kept.to_dict("records"), row]
    return pd.DataFrame(records, columns=columns).sort_values(["dataset", "recipe", "seed"])


def train(plan: dict[str, Any], seed: int) -> dict[str, Any]:
    """Train and evaluate in a process of its own; return what ``src.apps.one_seed`` measured.

    Raises:
        PipelineError: the training failed.
    """
    interrupts: list[int] = []
    with TemporaryDirectory() as name:
        folder, command = Path(name), [sys.executable, "-m", "src.apps.one_seed", name]
        settings = plan["train"] | {"seed": seed}
        write_json(folder / PLAN, plan | {"train": settings, "started": time.time()})
        # Ctrl-C ends the training, which then restores the terminal; wait for it.
        before = signal.signal(signal.SIGINT, lambda number, _frame: interrupts.append(number))
        try:
            status = subprocess.run(command).returncode
        finally:
            signal.signal(signal.SIGINT, before)
        if interrupts:
            sys.exit("interrupted: to continue with this seed, start the same command again")
        if status:
            reason = "see its message above" if status > 0 else f"signal {-status} ended it"
            raise PipelineError(f"the training of {plan['name']} with seed {seed} failed; {reason}")
        return read_json(folder / RESULT, "train")


def summary(table: pd.DataFrame, title: str) -> Table:
    """The spread of the accuracies on both splits; – where one seed is not enough."""
    grid = Table(title=title)
    for name in ("accuracy", "seeds", "mean", "standard deviation", "95% interval of the mean"):
        grid.add_column(name, justify="left" if name == "accuracy" else "right", no_wrap=True)
    for split, column in (("validation", "val_accuracy"), ("test", "test_accuracy")):
        if values := table[column].dropna().tolist():
            mean, stddev, low, high = mean_interval(values)
            spread = (f"{stddev:.5f}", f"{low:.4f}–{high:.4f}") if len(values) > 1 else ("–", "–")
            grid.add_row(split, str(len(values)), f"{mean:.4f}", *spread)
    return grid


if __name__ == "__main__":
    run(main, is_stage=False)
