"""Which features of ``cnn_best`` stay, and whether more width, augmentation or time gains more.

Results are in ``benchmarks/ablation.csv``. A training that the file contains is not repeated. The
test split is not used.
"""

import os
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import ttest_ind

from benchmarks.processes import ROOT
from src.common.files import json_sha256
from src.common.paths import PROCESSED
from src.config.recipe import load_recipe
from src.config.recipes import load_recipes
from src.data.splits import load_dataset_info, load_split
from src.evaluation.statistics import mean_interval
from src.evaluation.tables import write_csv
from src.models.device import choose_device
from src.training.execution import choose_execution
from src.training.trainer import Trainer

TABLE = ROOT / "benchmarks/ablation.csv"
RECIPE, EPOCHS, SEEDS = "cnn_best", 4, 2
COLUMNS = ["variant", "epochs", "definition", "seed", "val_accuracy", "val_loss"]
WITHOUT_SHAPES = {"rotation": 0.0, "scale": 0.0, "shear": 0.0}
STRONGER = {"shift": 3.0, "rotation": 20.0}
# What each variant changes in the recipe; a dictionary changes a block, None removes it.
FEATURES: dict[str, dict[str, Any]] = {
    "the recipe": {},
    "no augmentation": {"augmentation": None},
    "only shift": {"augmentation": {**WITHOUT_SHAPES, "elastic": 0.0}},
    "no elastic deformation": {"augmentation": {"elastic": 0.0}},
    "stronger elastic deformation (1 pixel)": {"augmentation": {"elastic": 1.0}},
    "no batch normalization (learning rate 0.02)": {
        "batch_normalization": None,
        "optimizer": {"learning_rate": 0.02},
    },
    "no moving average": {"averaging": None},
    "no dropout": {"dropout": {"features": 0.0}},
    "constant learning rate": {"schedule": None},
    "with label smoothing 0.1": {"label_smoothing": 0.1},
    "with weight decay 0.0005": {"optimizer": {"weight_decay": 0.0005}},
}
SIZES: dict[str, dict[str, Any]] = {
    "the recipe, complete": {},
    "stronger augmentation": {"epochs": 30, "augmentation": STRONGER},
    "stronger augmentation and a wider network": {
        "epochs": 16,
        "augmentation": STRONGER,
        "dropout": {"features": 0.5},
        "convolutions": [
            {"filters": 32, "kernel": 5, "pool": "max"},
            {"filters": 96},
            {"filters": 96},
            {"filters": 96, "pool": "max"},
            {"filters": 128, "padding": "valid"},
            {"filters": 192, "padding": "valid"},
        ],
    },
}
VARIANTS = {name: {"epochs": EPOCHS, **changes} for name, changes in FEATURES.items()} | SIZES
INTRODUCTION = """\
Variants of `{recipe}`, each trained with {seeds} seeds, on one thread. The first part of the table
has {epochs} epochs instead of the recipe's {full}. *Errors* is the mean of the wrong images of the
validation split ± the standard deviation between seeds; *loss* is the cross-entropy. *p* compares
the losses with those of the recipe in the same part (Welch's t-test, not corrected).

| variant | epochs | errors | loss | p |
| --- | ---: | ---: | ---: | ---: |"""


def measure(repeat: int) -> Iterator[str]:
    """Ignores ``repeat``: ``SEEDS`` is the number of trainings of each variant."""
    for line in run_missing():
        print(line, flush=True)
    table, full = load_results(), load_recipes()[RECIPE].epochs
    yield INTRODUCTION.format(recipe=RECIPE, epochs=EPOCHS, full=full, seeds=SEEDS)
    for part in (FEATURES, SIZES):
        recipe, *others = (table[table.variant == variant] for variant in part)
        yield _row(recipe, "–")
        for own in others:
            p = ttest_ind(own.val_loss, recipe.val_loss, equal_var=False).pvalue
            yield _row(own, f"{p:.2g}")


def variant_recipe(changes: dict[str, Any]) -> dict[str, Any]:
    """The recipe of a variant, as in a plan."""
    recipe = load_recipes()[RECIPE].model_dump(exclude={"keep_epochs"}, exclude_none=True)
    for key, value in changes.items():
        if isinstance(value, dict):
            same_kind = value.get("kind") in (None, recipe.get(key, {}).get("kind"))
            recipe[key] = (recipe.get(key, {}) if same_kind else {}) | value
        else:
            recipe[key] = value
    return recipe


def load_results() -> pd.DataFrame:
    """The results of the present variants."""
    if not TABLE.exists():
        return pd.DataFrame(columns=COLUMNS)
    table = pd.read_csv(TABLE)
    present = {name: _definition(changes) for name, changes in VARIANTS.items()}
    return table[table.variant.map(present) == table.definition]


def run_missing() -> Iterator[str]:
    """Run the trainings that the table lacks, one on each processor; yield a line after each."""
    table = load_results()
    done = set(zip(table.variant, table.seed, strict=True))
    missing = [
        (variant, seed)
        for seed in range(1, SEEDS + 1)
        for variant in VARIANTS
        if (variant, seed) not in done
    ]
    rows = table.to_dict("records")
    with ProcessPoolExecutor(os.cpu_count(), get_context("spawn")) as pool:
        try:
            futures = [pool.submit(train, *each) for each in missing]
            for number, future in enumerate(as_completed(futures), 1):
                rows.append(row := future.result())
                _write(rows)
                yield f"{number} of {len(missing)}: {row['variant']}, seed {row['seed']}"
        finally:  # after an interruption, do not wait for the trainings in the queue
            pool.shutdown(cancel_futures=True)


def _write(rows: list[dict[str, Any]]) -> None:
    table = pd.DataFrame(rows, columns=COLUMNS)
    order = table.variant.map(list(VARIANTS).index)
    write_csv(TABLE, table.assign(order=order).sort_values(["order", "seed"])[COLUMNS])


def train(variant: str, seed: int) -> dict[str, Any]:
    """Train with one seed; this runs in a process of the pool."""
    choose_device("cpu", 1)
    changes = VARIANTS[variant]
    recipe, splits = load_recipe(variant_recipe(changes)), ("train", "validation")
    arrays = [tuple(map(np.asarray, load_split(PROCESSED, split))) for split in splits]
    execution = choose_execution(recipe, "cpu", "auto", "auto")
    classes = load_dataset_info(PROCESSED)["classes"]
    last = Trainer(recipe, *arrays, classes, seed, execution).run().history[-1]
    values = recipe.epochs, _definition(changes), seed, last["val_accuracy"], last["val_loss"]
    return dict(zip(COLUMNS, (variant, *values), strict=True))


def _definition(changes: dict[str, Any]) -> str:
    return json_sha256(variant_recipe(changes))[:12]


def _row(own: pd.DataFrame, p: str) -> str:
    errors = (1 - own.val_accuracy) * len(load_split(PROCESSED, "validation")[1])
    mean, stddev, _, _ = mean_interval(errors.tolist())
    variant, epochs = own.iloc[0][["variant", "epochs"]]
    numbers = f"{epochs:.0f}", f"{mean:.1f} ± {stddev:.1f}", f"{own.val_loss.mean():.4f}", p
    return f"| {' | '.join((variant, *numbers))} |"
