"""Compares variants of recipes by cross-validation: ``benchmarks/crossval.yaml`` and ``.csv``.

The images of the training and the validation split are divided into five folds of consecutive
images, because images of one writer can follow each other. A network for each fold is trained on
the other four and predicts the fold, so that a variant is measured on all 60,000 images of MNIST,
not only on 5,000. No test image is read, and no training stops early or restores weights.

A fold that the table contains is not trained again. A variant that is clearly worse after two folds
gets no others. Ctrl-C ends the trainings; the page then shows those that are complete.
"""

import os
import signal
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from contextlib import suppress
from functools import cache
from multiprocessing import get_context
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from sklearn.model_selection import KFold

from benchmarks.processes import ROOT
from src.common.paths import PROCESSED, RECIPES
from src.config.recipe import Recipe, fingerprint
from src.config.recipes import load_recipes
from src.config.yaml_files import read_yaml_file
from src.data.loader import Split
from src.data.splits import load_dataset_info, load_split
from src.evaluation.statistics import mcnemar, proportion_interval
from src.evaluation.tables import write_csv
from src.models import metrics
from src.models.device import choose_device
from src.models.inference import Predictor
from src.plots.contact_sheet import contact_sheet, write_png
from src.training.execution import choose_execution
from src.training.trainer import Trainer

VARIANTS, TABLE = ROOT / "benchmarks/crossval.yaml", ROOT / "benchmarks/crossval.csv"
HARDEST = ROOT / "docs/images/hardest.png"
FOLDS, ENOUGH, SEED, VOTES = 5, 2, 1, 3
LEVEL = 0.05  # a variant with a smaller p-value is clearly worse
INTRODUCTION = """\
Each variant is compared with the variant in the column *like*, on the folds of both. The network
for a fold of {fold:,} images is trained on the other {others:,}, with one seed, on one
thread. *Errors* are the wrong images of all folds, with the 95% interval of their rate. *Only*: the
images that only this variant gets wrong, and that only the other one does. *p* is McNemar's exact
test of these two numbers, not corrected.

| variant | like | epochs | folds | errors | error rate | only | p |
| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: |"""


class Row(NamedTuple):
    """A fold of a variant: a row of the table."""

    variant: str
    recipe: str  # fingerprint
    fold: int
    images: int
    loss: float
    seconds: float
    wrong: str  # the images that are predicted wrongly: numbers in the training files, by spaces


Task = tuple[str, int]  # variant and fold


def measure(repeat: int) -> Iterator[str]:
    """Train what the table lacks. Ignores ``repeat``: each variant has one seed."""
    with suppress(KeyboardInterrupt):
        for line in run_missing():
            print(line, flush=True)
    table, (images, labels) = load_results(), all_images()
    fold = len(labels) // FOLDS
    yield INTRODUCTION.format(fold=fold, others=len(labels) - fold)
    for name, (parent, recipe) in variants().items():
        own = table[table.variant == name]
        if len(own):
            yield _row(name, parent, recipe, own, table)
    hours = table.seconds.sum() / 3600
    yield f"\nAll trainings took {hours:.1f} hours of one thread."
    first_folds = table[table.fold <= ENOUGH].groupby("variant")
    complete = [own for _, own in first_folds if len(own) == ENOUGH]
    wrong = sorted(map(wrong_images, complete), key=len)
    if len(wrong) >= VOTES:
        votes = Counter(image for each in wrong[:VOTES] for image in each)
        errors = sum(count > VOTES / 2 for count in votes.values())
        yield f"The majority of the {VOTES} variants with the fewest errors is wrong on {errors}."
    if hardest := sorted(set.intersection(*wrong)) if wrong else []:
        write_png(contact_sheet(images[hardest], labels[hardest].astype(str), columns=12), HARDEST)
        yield f"{len(hardest)} images are wrong with all variants: `{HARDEST.relative_to(ROOT)}`."


def all_images() -> Split:
    """The images of the training and the validation split, in the order of the files, and labels.

    For MNIST, whose validation images are the first ones.
    """
    splits = [load_split(PROCESSED, split) for split in ("validation", "train")]
    images, labels = map(np.concatenate, zip(*splits, strict=True))
    return images, labels


def wrong_images(rows: pd.DataFrame) -> set[int]:
    """The images that are predicted wrongly in the folds of a variant."""
    return {*map(int, " ".join(rows.wrong).split())}


@cache
def variants() -> dict[str, tuple[str, Recipe]]:
    """The recipes in ``crossval.yaml``, and what each is like."""
    own = read_yaml_file(VARIANTS)
    with tempfile.TemporaryDirectory() as folder:
        both = Path(folder) / RECIPES.name
        both.write_text((ROOT / RECIPES).read_text("utf-8") + VARIANTS.read_text("utf-8"), "utf-8")
        recipes = load_recipes(both)
    return {name: (block["like"], recipes[name]) for name, block in own.items()}


def load_results() -> pd.DataFrame:
    """The results of the present variants, a ``Row`` each."""
    if not TABLE.exists():
        return pd.DataFrame(columns=Row._fields)
    table = pd.read_csv(TABLE, keep_default_na=False)
    present = {name: fingerprint(recipe) for name, (_, recipe) in variants().items()}
    return table[table.variant.map(present) == table.recipe]


def run_missing() -> Iterator[str]:
    """Train the folds that the table lacks, one on each processor; yield a line after each."""
    rows = [Row(*each) for each in load_results().itertuples(index=False)]
    running: dict[Future[Row], Task] = {}
    settings = {"mp_context": get_context("spawn"), "max_tasks_per_child": 1}
    end_quietly = {"initializer": signal.signal, "initargs": (signal.SIGINT, signal.SIG_DFL)}
    with ProcessPoolExecutor(os.cpu_count(), **settings, **end_quietly) as pool:
        while True:
            begun = {(row.variant, row.fold) for row in rows} | {*running.values()}
            task = next_task(begun, pd.DataFrame(rows, columns=Row._fields))
            if task and len(running) < (os.cpu_count() or 1):
                recipe = variants()[task[0]][1]
                running[pool.submit(train, *task, recipe)] = task
                continue
            if not running:
                return
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                del running[future]
                rows.append(row := future.result())
                write_csv(TABLE, pd.DataFrame(rows, columns=Row._fields))
                errors = f"{len(row.wrong.split())} of {row.images:,} wrong"
                yield f"{row.variant}, fold {row.fold}: {errors}, {row.seconds / 60:.1f} minutes"


def next_task(begun: set[Task], table: pd.DataFrame) -> Task | None:
    """The next fold that has not begun, None at the end.

    First ``ENOUGH`` folds of each variant, then the others of those that are not clearly worse.
    """
    for folds in range(1, ENOUGH + 1), range(ENOUGH + 1, FOLDS + 1):
        for name, (parent, _) in variants().items():
            is_known = (table.variant == name).sum() >= ENOUGH
            if folds[0] == 1 or (is_known and not is_clearly_worse(name, parent, table)):
                for fold in folds:
                    if (name, fold) not in begun:
                        return name, fold
    return None


def is_clearly_worse(name: str, parent: str, table: pd.DataFrame) -> bool:
    """Whether it makes more errors than its parent on the same folds, with p < ``LEVEL``."""
    only_own, only_parent, p = disagreements(name, parent, table)
    return only_own > only_parent and p < LEVEL


def disagreements(name: str, parent: str, table: pd.DataFrame) -> tuple[int, int, float]:
    """The number of images that only the variant gets wrong, and that only its parent does; p.

    Of the folds that both have; a recipe of ``recipes.yaml`` has none.
    """
    own, others = table[table.variant == name], table[table.variant == parent]
    own, others = (a[a.fold.isin(b.fold)] for a, b in ((own, others), (others, own)))
    first, second = map(wrong_images, (own, others))
    either = sorted(first | second)
    correct = (np.array([each not in wrong for each in either], bool) for wrong in (first, second))
    return len(first - second), len(second - first), mcnemar(*correct)


def train(variant: str, fold: int, recipe: Recipe) -> Row:
    """Train the network for a fold, and predict its images; this runs in a process of the pool."""
    choose_device("cpu", 1)
    images, labels = all_images()
    others, own = [*KFold(FOLDS).split(images)][fold - 1]
    execution = choose_execution(recipe, "cpu", "auto", "auto")
    classes, started = load_dataset_info(PROCESSED)["classes"], time.perf_counter()
    # A few validation images, because the validations would need a tenth of the time.
    arrays = (images[others], labels[others]), (images[own][:100], labels[own][:100])
    trainer = Trainer(recipe, *arrays, classes, SEED, execution)
    trainer.run()
    seconds, logits = time.perf_counter() - started, Predictor(trainer.model).logits(images[own])
    wrong = own[logits.argmax(axis=1) != labels[own]]
    loss = metrics.cross_entropy(logits, labels[own])
    identity = variant, fingerprint(recipe), fold, len(own)
    return Row(*identity, loss, seconds, " ".join(map(str, wrong)))


def _row(name: str, parent: str, recipe: Recipe, own: pd.DataFrame, table: pd.DataFrame) -> str:
    errors, images = len(wrong_images(own)), int(own.images.sum())
    low, high = proportion_interval(errors, images)
    rate = f"{errors / images:.3%} ({low:.3%} to {high:.3%})"
    only, p = "–", "–"
    only_own, only_parent, value = disagreements(name, parent, table)
    if only_own + only_parent:
        only, p = f"{only_own} / {only_parent}", f"{value:.2g}"
    numbers = recipe.epochs, len(own), errors, rate, only, p
    return f"| {' | '.join(map(str, (name, parent, *numbers)))} |"
