"""Train a recipe with several seeds, to measure how much its results vary.

`python -m src.apps.seeds NAME COUNT` trains with the seeds train.seed, train.seed + 1, and so on.
It adds the results to metrics/seeds.csv, and prints their mean, standard deviation and the 95%
interval of the mean, and the accuracy of the averaged probabilities of all seeds: an ensemble.
`--validation` leaves the test split out: use it to choose between recipes. `--all-images` trains
the chosen one on the images of both other splits.

A seed that the file has is not trained again, so an interrupted program continues. If the recipe,
the settings, the data or the code that trains change, all seeds of the recipe are trained again.
"""

import argparse
import json
import shutil
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pandas as pd
from filelock import FileLock

from src.apps.shared import integer
from src.common import paths
from src.common.errors import PipelineError, run
from src.common.files import json_sha256, write_json
from src.config.params import load_params
from src.config.plan import training_plan
from src.config.recipe import results_key
from src.config.recipes import load_recipes
from src.config.yaml_files import nearest
from src.data.splits import load_dataset_info, load_split, load_test_digest
from src.evaluation.tables import write_csv
from src.reporting.seeds import TYPES, accuracy_spread, load_seeds
from src.training.checkpoint import training_code_sha256

COLUMNS = {"validation": "val_accuracy", "test": "test_accuracy"}  # of metrics/seeds.csv


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m src.apps.seeds", description=__doc__)
    parser.add_argument("name", metavar="NAME", help="a recipe of recipes.yaml")
    parser.add_argument("count", metavar="COUNT", type=integer(1), help="the number of seeds")
    images = parser.add_mutually_exclusive_group()
    images.add_argument("--validation", action="store_true", help="do not use the test split")
    images.add_argument("--all-images", action="store_true", help="train on validation images, too")
    options = parser.parse_args()
    params, recipes = load_params(), load_recipes()
    if options.name not in recipes:
        hint, valid = nearest(options.name, [*recipes]), ", ".join(recipes)
        raise PipelineError(f"there is no recipe {options.name!r}{hint}; choose from: {valid}")
    if params.train.strategy == "multi_worker":
        raise PipelineError("seeds are trained on one machine; set train.strategy to single")
    seeds = range(params.train.seed, params.train.seed + options.count)
    plan = training_plan(options.name, recipes[options.name], params)
    plan |= {"keep_epochs": False, "processed": str(paths.PROCESSED)}
    plan["splits"] = ["validation"] if options.validation else ["validation", "test"]
    with TemporaryDirectory() as folder:
        if options.all_images:
            prepare_all_images(plan, Path(folder))
        table = train_missing(plan, seeds)
    print(f"{plan['name']} on {load_dataset_info(paths.PROCESSED)['name']}:")
    print("\n".join(summary(table)))


def train_missing(plan: dict[str, Any], seeds: range) -> pd.DataFrame:
    """Train with the seeds that ``metrics/seeds.csv`` lacks; return its rows of this training."""
    plan["key"] = present_key(plan)
    table = rows_of(plan)
    done = table.test_accuracy.notna() if "test" in plan["splits"] else table.seed.notna()
    missing = [seed for seed in seeds if seed not in set(table.seed[done])]
    for number, seed in enumerate(missing, 1):
        train(plan, seed)
        table = rows_of(plan)
        if seed not in set(table.seed):
            raise PipelineError(
                "the data or the code changed while this program ran; start the same command again"
            )
        row = table[table.seed == seed].iloc[0]
        values = [f"{split} accuracy {row[COLUMNS[split]]:.4f}, " for split in plan["splits"]]
        what, seconds = f"{plan['name']}, seed {seed}", row.cold_start + row.seconds
        print(f"{what} ({number} of {len(missing)}): {''.join(values)}{seconds:.1f} s", flush=True)
    return table


def prepare_all_images(plan: dict[str, Any], target: Path) -> None:
    """Change a plan so that it trains on the images of both splits, which are written to a folder.

    A PipelineError is raised if its recipe stops early.
    """
    if plan["recipe"].get("early_stopping"):
        raise PipelineError("early_stopping needs validation images; leave out --all-images")
    training = paths.SPLIT_FOLDERS["train"]
    folder = Path(shutil.copytree(paths.PROCESSED / training, target / training))
    # MNIST's files begin with the validation images.
    splits = [load_split(paths.PROCESSED, split) for split in ("validation", "train")]
    for kind, parts in zip(("images", "labels"), zip(*splits, strict=True), strict=True):
        np.save(folder / f"train_{kind}.npy", np.concatenate(parts))
    info = load_dataset_info(paths.PROCESSED)
    info["counts"]["train"] = sum(info["counts"].values())
    write_json(folder / "dataset.json", info)
    plan |= {"name": f"{plan['name']} (all images)", "processed": str(target), "splits": ["test"]}
    plan["train"]["all_images"] = True  # another key


def present_key(plan: dict[str, Any]) -> str:
    """The key of the plan of a recipe, with the present data and the code of this process."""
    config = {**plan, "dataset": load_dataset_info(paths.PROCESSED), "code": training_code_sha256()}
    return results_key(config, load_test_digest(paths.PROCESSED))


def rows_of(plan: dict[str, Any]) -> pd.DataFrame:
    """The rows of ``metrics/seeds.csv`` with the key of the plan."""
    table = load_seeds()
    return table[table.key == plan["key"]]


def train(plan: dict[str, Any], seed: int) -> None:
    """Train and evaluate in a process, which calls ``write_row``; a PipelineError if it fails."""
    changes = {"train": plan["train"] | {"seed": seed}, "started": time.time()}
    command = [sys.executable, "-m", "src.apps.one_seed", json.dumps(plan | changes)]
    if status := subprocess.run(command).returncode:  # Ctrl-C ends it, too
        reason = "see its message above" if status > 0 else f"signal {-status} ended it"
        raise PipelineError(f"the training of {plan['name']} with seed {seed} failed; {reason}")


def write_row(row: dict[str, Any]) -> None:
    """Write a result to ``metrics/seeds.csv``; two programs can do this at the same time.

    A row of the same training and seed, and rows of former trainings of the recipe, are replaced.
    """
    with FileLock(probabilities_file("").with_name("lock")):
        table = load_seeds()
        is_same = (table.dataset == row["dataset"]) & (table.recipe == row["recipe"])
        is_replaced = (table.key != row["key"]) | (table.seed == row["seed"])
        kept = table[~(is_same & is_replaced)].to_dict("records")
        table = pd.DataFrame([*kept, row], columns=[*TYPES])
        table = table.sort_values(["dataset", "recipe", "seed"])
        if "test_accuracy" in row:
            same = table[table.key == row["key"]]
            table.loc[same.index, "ensemble_accuracy"] = ensemble_accuracies([*same.weights])
        write_csv(paths.SEEDS, table)


def ensemble_accuracies(weights: list[str]) -> list[float]:
    """The test accuracy of the averaged probabilities of the first model, the first two, …

    It is NaN from the first model on whose probabilities are not on this machine. ``weights`` are
    those of the models, as in ``metrics/seeds.csv``.
    """
    labels, total, accuracies = load_split(paths.PROCESSED, "test")[1], np.zeros(1), []
    for path in map(probabilities_file, weights):
        total = total + (np.load(path, allow_pickle=False) if path.exists() else np.nan)
        is_known = np.isfinite(total).all()
        accuracies.append(float((total.argmax(axis=1) == labels).mean()) if is_known else np.nan)
    return accuracies


def probabilities_file(weights: str) -> Path:
    """The file with the probabilities that a model predicts for the present test images."""
    key = json_sha256([weights, load_test_digest(paths.PROCESSED)])[:16]
    folder = paths.main_checkout() / paths.LOGS / "seeds"
    folder.mkdir(parents=True, exist_ok=True)
    return folder / f"{key}.npy"


def summary(table: pd.DataFrame) -> list[str]:
    """The spread of the accuracies on both splits, and the accuracy of the ensemble."""
    lines = []
    for split, column in COLUMNS.items():
        if values := table[column].dropna().tolist():
            mean, stddev, low, high = accuracy_spread(values)
            lines.append(f"{split} accuracy, mean of {len(values)} seeds: {mean:.4f}")
            if len(values) > 1:
                interval = f"95% interval of the mean {low:.4f}–{high:.4f}"
                lines[-1] += f"; standard deviation {stddev:.5f}, {interval}"
    ensemble = table.ensemble_accuracy.tolist()[-1]
    if len(table) > 1 and not np.isnan(ensemble):
        lines.append(f"test accuracy, ensemble of {len(table)} seeds: {ensemble:.4f}")
    return lines


if __name__ == "__main__":
    run(main)
