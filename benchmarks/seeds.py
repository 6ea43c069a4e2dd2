"""Trains the original programs and our recipes with many seeds: ``benchmarks/fidelity.csv``.

A training that the file contains is not repeated, so an interrupted experiment resumes. If a recipe
or a program changes, it is trained again. Use one machine for all trainings, without a GPU.
"""

import ast
import inspect
import os
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from functools import partial
from multiprocessing import get_context
from typing import NamedTuple

import numpy as np
import pandas as pd

from benchmarks.originals import PROGRAMS, Original
from benchmarks.processes import ROOT
from src.common.files import atomic_file, json_sha256
from src.common.paths import PROCESSED
from src.common.tensorflow import keras
from src.config.published_values import load_published
from src.config.recipes import load_recipes
from src.data.loader import Split
from src.data.splits import load_dataset_info, load_split
from src.models import metrics
from src.models.device import choose_device
from src.models.inference import Predictor
from src.training.execution import choose_execution
from src.training.trainer import Trainer

TABLE = ROOT / "benchmarks/fidelity.csv"
SEEDS = {"cnn": 5}  # of the others: 10
WORKERS = os.cpu_count() or 1
Value = tuple[str, int | None, float]  # metric, epoch (None: the end of the training), value


class Training(NamedTuple):
    """A training of ``program``: ``original`` or ``ours``."""

    recipe: str
    program: str
    seed: int


class Row(NamedTuple):
    """A value of a training: a row of the table."""

    recipe: str
    program: str
    seed: int
    metric: str
    epoch: int | None
    value: float
    execution: str
    seconds: float  # of the complete training
    definition: str


def definition(recipe: str, program: str) -> str:
    """Identify what is trained: a hash of the recipe, or of the function of the original program.

    After a change of other code that affects the results, remove the table.
    """
    if program == "ours":
        content = load_recipes()[recipe]
        return json_sha256(content.model_dump(exclude={"keep_epochs"}, exclude_unset=True))[:12]
    original = PROGRAMS[recipe]
    build = original.build if isinstance(original.build, partial) else partial(original.build)
    code = ast.unparse(ast.parse(inspect.getsource(build.func)))  # without comments
    arguments = [each.__name__ for each in build.keywords.values()]
    return json_sha256([recipe, code, *arguments, *map(str, original[1:])])[:12]


def wanted_trainings() -> list[Training]:
    """All trainings, in an order in which all recipes advance equally."""
    trainings = [
        Training(recipe, program, seed)
        for recipe in PROGRAMS
        for program in ("original", "ours")
        for seed in range(1, SEEDS.get(recipe, 10) + 1)
    ]
    return sorted(trainings, key=lambda each: each.seed / SEEDS.get(each.recipe, 10))


def load_results() -> pd.DataFrame:
    """Return the results of the present recipes and programs, a ``Row`` each."""
    if not TABLE.exists():
        return pd.DataFrame(columns=Row._fields)
    table = pd.read_csv(TABLE)
    current = {
        (recipe, program): definition(recipe, program)
        for recipe in PROGRAMS
        for program in ("original", "ours")
    }
    rows = zip(table.recipe, table.program, table.definition, strict=True)
    return table[[current.get((recipe, program)) == found for recipe, program, found in rows]]


def run_missing() -> Iterator[str]:
    """Run the trainings that the table lacks, several at once; yield a line after each."""
    rows = [Row(*each) for each in load_results().itertuples(index=False)]
    done = {Training(*row[:3]) for row in rows}
    missing = [each for each in wanted_trainings() if each not in done]
    with ProcessPoolExecutor(WORKERS, get_context("spawn")) as pool:
        try:
            futures = [pool.submit(run_training, each) for each in missing]
            for number, future in enumerate(as_completed(futures), start=1):
                rows += future.result()
                _write(rows)
                last = rows[-1]
                yield (
                    f"{number} of {len(missing)}: {last.recipe}, {last.program}, seed {last.seed}: "
                    f"{last.metric} {last.value:.4f}, {last.seconds:.0f} s"
                )
        finally:  # after an interruption, do not wait for the trainings in the queue
            pool.shutdown(cancel_futures=True)


def _write(rows: list[Row]) -> None:
    table = pd.DataFrame(rows, columns=Row._fields).astype({"epoch": "Int64"})
    table = table.sort_values(["recipe", "program", "seed", "metric", "epoch"])
    with atomic_file(TABLE) as partial_file:
        table.to_csv(partial_file, index=False, float_format="%.9g")


def run_training(training: Training) -> list[Row]:
    """Train with one seed; this runs in a process of the pool."""
    recipe, program, seed = training
    published = load_published().get(recipe)
    by_epoch = {
        each.metric
        for each in (published.metrics() if published else ())
        if any(value.epoch for value in each.entries())
    }
    splits = {name: load_split(PROCESSED, name) for name in ("train", "validation", "test")}
    choose_device("cpu")  # before TensorFlow computes anything
    started = time.perf_counter()
    train = _train_original if program == "original" else _train_ours
    execution, values = train(recipe, seed, splits, "test_accuracy" in by_epoch)
    seconds = round(time.perf_counter() - started, 1)
    wanted = [value for value in values if value[1] is None or value[0] in by_epoch]
    identity = execution, seconds, definition(recipe, program)
    return [Row(*training, *value, *identity) for value in wanted]


def _train_original(
    name: str, seed: int, splits: dict[str, Split], each_epoch: bool
) -> tuple[str, list[Value]]:
    original = Original(name, *map(np.asarray, splits["train"]), seed)
    if original.program.steps:
        original.train_steps(original.program.steps)
    values: list[Value] = []
    for epoch in range(1, (original.program.epochs or 0) + 1):
        values.append(("training_loss", epoch, original.train_epoch()))
        if each_epoch:
            values.append(("test_accuracy", epoch, original.accuracy(*splits["test"])))
    if not each_epoch:
        values.append(("test_accuracy", None, original.accuracy(*splits["test"])))
    return "feed loop, float32", values


def _train_ours(
    name: str, seed: int, splits: dict[str, Split], each_epoch: bool
) -> tuple[str, list[Value]]:
    recipe = load_recipes()[name]
    execution = choose_execution(recipe, "cpu", "auto", "auto")
    classes, values = load_dataset_info(PROCESSED)["classes"], []
    trainer = Trainer(recipe, splits["train"], splits["validation"], classes, seed, execution)
    predictor, (images, labels) = Predictor(trainer.model), splits["test"]

    class Record(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            values.append(("training_loss", logs["epoch"], logs["loss"]))
            if each_epoch:
                right = metrics.accuracy(predictor.logits(images), labels)
                values.append(("test_accuracy", logs["epoch"], right))

    trainer.run([Record()])
    if not each_epoch:
        values.append(("test_accuracy", None, metrics.accuracy(predictor.logits(images), labels)))
    return f"{execution.compile}, {execution.precision}", values
