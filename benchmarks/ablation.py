"""Which features of ``cnn_best`` stay: trainings without one of them, or with one more.

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
from src.config.params import load_params
from src.config.recipe import load_recipe
from src.data.splits import load_dataset_info, load_split
from src.evaluation.statistics import mean_interval
from src.evaluation.tables import write_csv
from src.models.device import choose_device
from src.training.execution import choose_execution
from src.training.setup import make_trainer

TABLE = ROOT / "benchmarks/ablation.csv"
RECIPE, EPOCHS, SEEDS = "cnn_best", 4, 2
COLUMNS = ["variant", "definition", "seed", "val_accuracy", "val_loss"]
WITHOUT_SHAPES = {"rotation": 0.0, "scale": 0.0, "shear": 0.0}
# What each variant changes in the recipe; a dictionary changes a block, None removes it.
VARIANTS: dict[str, dict[str, Any]] = {
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
    "with test-time augmentation (1 pixel)": {"test_time_augmentation": {"shift": 1}},
}
INTRODUCTION = """\
`{recipe}` was trained for {epochs} instead of {full} epochs with {seeds} seeds, on one thread each.
*Errors* is the mean of the wrong images among the 5,000 of the validation split ± the standard
deviation between seeds; *loss* is the cross-entropy. *p* compares the losses with those of the
recipe (Welch's t-test, not corrected).

| variant | errors | loss | p |
| --- | ---: | ---: | ---: |"""


def measure(repeat: int) -> Iterator[str]:
    """Ignores ``repeat``: ``SEEDS`` is the number of trainings of each variant."""
    for line in run_missing():
        print(line, flush=True)
    table, recipe = load_results(), load_params().models[RECIPE]
    yield INTRODUCTION.format(recipe=RECIPE, epochs=EPOCHS, full=recipe.epochs, seeds=SEEDS)
    baseline = table[table.variant == next(iter(VARIANTS))]
    for variant in VARIANTS:
        yield _row(variant, table[table.variant == variant], baseline)


def variant_recipe(changes: dict[str, Any]) -> dict[str, Any]:
    """The recipe of a variant, as in a recipe file."""
    recipe = load_params().models[RECIPE].model_dump(exclude={"published"}, exclude_none=True)
    for key, value in ({"epochs": EPOCHS} | changes).items():
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
    with ProcessPoolExecutor(os.cpu_count(), get_context("spawn")) as pool:
        futures = [pool.submit(train, *each) for each in missing]
        for number, future in enumerate(as_completed(futures), 1):
            row = future.result()
            table = pd.DataFrame([*table.to_dict("records"), row], columns=COLUMNS)
            order = table.variant.map(list(VARIANTS).index)
            table = table.assign(order=order).sort_values(["order", "seed"])[COLUMNS]
            write_csv(TABLE, table)
            yield f"{number} of {len(missing)}: {row['variant']}, seed {row['seed']}"


def train(variant: str, seed: int) -> dict[str, Any]:
    """Train with one seed; this runs in a process of the pool."""
    choose_device("cpu", 1)
    changes = VARIANTS[variant]
    recipe, splits = load_recipe(variant_recipe(changes)), ("train", "validation")
    arrays = [tuple(map(np.asarray, load_split(PROCESSED, split))) for split in splits]
    execution = choose_execution(recipe, "cpu", "auto", "auto")
    classes = load_dataset_info(PROCESSED)["classes"]
    last = make_trainer(recipe, *arrays, classes, seed, execution).run().history[-1]
    values = last["val_accuracy"], last["val_loss"]
    return dict(zip(COLUMNS, (variant, _definition(changes), seed, *values), strict=True))


def _definition(changes: dict[str, Any]) -> str:
    return json_sha256(variant_recipe(changes))[:12]


def _row(variant: str, own: pd.DataFrame, baseline: pd.DataFrame) -> str:
    errors = (1 - own.val_accuracy) * len(load_split(PROCESSED, "validation")[1])
    mean, stddev, _, _ = mean_interval(errors.tolist())
    p = ttest_ind(own.val_loss, baseline.val_loss, equal_var=False).pvalue
    is_baseline = variant == next(iter(VARIANTS))
    numbers = f"{own.val_loss.mean():.4f}", "–" if is_baseline else f"{p:.2g}"
    return f"| {' | '.join((variant, f'{mean:.1f} ± {stddev:.1f}', *numbers))} |"
