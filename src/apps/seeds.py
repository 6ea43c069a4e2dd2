"""Train a recipe with several seeds, to measure how much its results vary.

``python -m src.apps.seeds NAME COUNT`` trains with the seeds train.seed, train.seed + 1, and so on.
It adds the results to metrics/seeds.csv, and prints their mean, standard deviation and the 95%
interval of the mean, and the accuracy of the averaged probabilities of all seeds: an ensemble.
``--validation`` leaves the test split out: use it to choose between recipes.

A seed that the file has is not trained again, so an interrupted program continues. If the recipe,
the settings or the dataset change, all seeds of the recipe are trained again. After a change of
code that affects results, remove the rows of the file.
"""

import argparse
import subprocess
import sys
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, ThreadPoolExecutor, wait
from functools import partial
from itertools import islice
from pathlib import Path
from shutil import copyfile
from tempfile import TemporaryDirectory
from typing import Any, TypeVar

import numpy as np
import pandas as pd
from rich.console import Console
from rich.table import Table

from src.apps.one_seed import PLAN, PROBABILITIES, RESULT
from src.common import paths
from src.common.errors import PipelineError, run
from src.common.files import atomic_file, json_sha256, read_json, write_json
from src.config.params import Params, load_params
from src.config.plan import training_plan
from src.config.recipe import training_fingerprint as training_fingerprint
from src.config.recipes import load_recipes
from src.config.yaml_files import nearest
from src.data.splits import load_dataset_info, load_split
from src.evaluation.statistics import mean_interval
from src.evaluation.tables import write_csv
from src.reporting.seeds import TYPES, load_seeds

Result = TypeVar("Result")  # of a training


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m src.apps.seeds", description=__doc__)
    parser.add_argument("name", metavar="NAME", help="a recipe of recipes.yaml")
    parser.add_argument("count", metavar="COUNT", type=int, help="the number of seeds")
    parser.add_argument("--validation", action="store_true", help="do not use the test split")
    options = parser.parse_args()
    params, recipes = load_params(), load_recipes()
    seeds = check(params, recipes, options.name, options.count)
    dataset = load_dataset_info(paths.PROCESSED)
    plan = training_plan(options.name, recipes[options.name], params)
    plan |= {"keep_epochs": False, "test": not options.validation}
    console = Console(highlight=False, soft_wrap=True)
    table = train_missing(plan, dataset, seeds, console)
    console.print(summary(table, f"{options.name} on {dataset['name']}, {len(table)} seeds"))
    medians = table[["seconds", "cold_start"]].median()
    console.print(
        f"median times: {medians.seconds:.1f} s of training after the first step, "
        f"{medians.cold_start:.1f} s from the start of the process to the end of the first step"
    )


def check(params: Params, recipes: Collection[str], name: str, count: int) -> range:
    """Return the seeds to train with.

    Raises:
        PipelineError: there is no such recipe, or it cannot be trained with these seeds.
    """
    if name not in recipes:
        hint, valid = nearest(name, [*recipes]), ", ".join(recipes)
        raise PipelineError(f"there is no recipe {name!r}{hint}; choose from: {valid}")
    if params.train.strategy == "multi_worker":
        raise PipelineError(
            "train.strategy is multi_worker, but seeds are trained on one machine; set it to single"
        )
    if count < 1:
        raise PipelineError(f"COUNT is {count}, but at least 1 seed is needed; give a larger COUNT")
    return range(params.train.seed, params.train.seed + count)


def train_missing(
    plan: dict[str, Any], dataset: dict[str, Any], seeds: range, console: Console
) -> pd.DataFrame:
    """Train with the seeds that the file lacks; return its results with this fingerprint."""
    identity = {"dataset": dataset["name"], "recipe": plan["name"]}
    inputs = plan["recipe"], plan["train"], dataset["digest"]
    identity["training_fingerprint"] = training_fingerprint(*inputs)
    done = rows_of(load_seeds(), identity)
    complete = done[done.test_accuracy.notna()] if plan["test"] else done
    missing = [seed for seed in seeds if seed not in set(complete.seed)]
    if known := len(seeds) - len(missing):
        console.print(f"{paths.SEEDS} has {known} of {len(seeds)} seeds already")

    def save(row: dict[str, Any]) -> None:
        table = with_row(load_seeds(), row)
        if plan["test"]:
            same = rows_of(table, identity)
            table.loc[same.index, "ensemble_accuracy"] = ensemble_accuracies(same.weights)
        write_csv(paths.SEEDS, table)

    trainings = [partial(train, plan, identity, seed) for seed in missing]
    for number, row in enumerate(train_all(trainings, save, ThreadPoolExecutor(1)), 1):
        test = f", test accuracy {row['test_accuracy']:.4f}" if plan["test"] else ""
        console.print(
            f"{plan['name']}, seed {row['seed']} ({number} of {len(missing)}): validation accuracy "
            f"{row['val_accuracy']:.4f}{test}, {row['cold_start'] + row['seconds']:.1f} s"
        )
    return rows_of(load_seeds(), identity)


def train_all(
    trainings: Sequence[Callable[[], Result]],
    save: Callable[[Result], None],
    pool: Executor,
    at_once: int = 1,
) -> Iterator[Result]:
    """Run trainings in a pool; save each result as soon as it is complete, and yield it.

    After an error or an interruption, no further training begins.
    """
    waiting = iter(trainings)
    running = {pool.submit(each) for each in islice(waiting, at_once)}
    try:
        while running:
            done, running = wait(running, return_when=FIRST_COMPLETED)
            for future in done:
                save(result := future.result())
                yield result
            running |= {pool.submit(each) for each in islice(waiting, len(done))}
    finally:
        pool.shutdown()


def ensemble_accuracies(weights: Sequence[str]) -> list[float]:
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
    test = paths.PROCESSED / paths.SPLIT_FOLDERS["test"] / "test_digests.json"
    key = json_sha256([weights, read_json(test, "preprocess")])[:16]
    return paths.main_checkout() / paths.LOGS / "seeds" / f"{key}.npy"


def rows_of(table: pd.DataFrame, identity: dict[str, str]) -> pd.DataFrame:
    """The rows with these values of dataset, recipe and training fingerprint."""
    return table[(table[list(identity)] == pd.Series(identity)).all(axis=1)]


def with_row(table: pd.DataFrame, row: dict[str, Any]) -> pd.DataFrame:
    """Add the result of a seed; remove an older one, and those of other fingerprints."""
    same = (table.dataset == row["dataset"]) & (table.recipe == row["recipe"])
    same_training = table.training_fingerprint == row["training_fingerprint"]
    kept = table[~same | (same_training & (table.seed != row["seed"]))]
    records = [*kept.to_dict("records"), row]
    return pd.DataFrame(records, columns=list(TYPES)).sort_values(["dataset", "recipe", "seed"])


def train(plan: dict[str, Any], identity: dict[str, str], seed: int) -> dict[str, Any]:
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
            with atomic_file(_probabilities(result["weights"])) as partial_file:
                copyfile(folder / PROBABILITIES, partial_file)
        return identity | {"seed": seed} | result


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
    ensemble = table.ensemble_accuracy.tolist()[-1]
    if len(table) > 1 and not np.isnan(ensemble):
        # A longer name would cut the numbers in a terminal of 80 columns.
        grid.add_row("ensemble", str(len(table)), f"{ensemble:.4f}", "–", "–")
    return grid


if __name__ == "__main__":
    run(main)
