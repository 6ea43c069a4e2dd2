"""Milliseconds per step of each recipe in all modes of execution on a CPU.

``train.compile: auto`` and ``train.precision: auto`` follow these measurements; see
``src/training/execution.py``. As a program, it prints the rows of one table.
"""

import subprocess
import sys
from collections.abc import Callable, Iterator
from statistics import median

import numpy as np

from benchmarks.processes import ROOT, environment
from benchmarks.timing import alternate, instructions
from src.common.paths import PROCESSED
from src.config.recipe import Recipe, load_recipe
from src.config.recipes import load_recipes, tutorials
from src.data.loader import Split
from src.data.splits import load_split
from src.training.execution import Compile, Execution, Precision, choose_execution
from src.training.trainer import Trainer

MODES: list[tuple[Compile, Precision]] = [
    ("xla", "float32"),
    ("graph", "float32"),
    ("graph", "bfloat16"),
]
SECONDS = 0.5  # of a measurement
# oneDNN, TensorFlow's library for products on a CPU, is limited to these instructions.
LIMIT = "AVX512_CORE_BF16"
INTRODUCTION = """\
Milliseconds per step in each mode of execution, from which the rules of `train.compile: auto` and
`train.precision: auto` were derived. *Hidden values*: of all images of a step, for dense layers.
*auto* is what this machine selects. XLA's convolutions take seconds.

| recipe | hidden values | xla, float32 | graph, float32 | graph, bfloat16 | auto |
| --- | ---: | ---: | ---: | ---: | --- |"""
LIMITED = """
The same processor without its tiles for bfloat16 (AMX): the library for products may use the
vector instructions for bfloat16 only (`ONEDNN_MAX_CPU_ISA={limit}`).

| recipe | hidden values | xla, float32 | graph, float32 | graph, bfloat16 |
| --- | ---: | ---: | ---: | ---: |"""


def steps_of(recipe: Recipe, split: Split, mode: tuple[Compile, Precision]) -> tuple[Callable, int]:
    """Return a function that runs steps for about ``SECONDS``, and their number."""
    validation = split[0][:100], split[1][:100]
    classes = int(split[1].max()) + 1
    steps = Trainer(recipe, split, validation, classes, 1, Execution("cpu", *mode)).steps
    steps.load(split)
    order = np.random.default_rng(1).permutation(len(split[1])).astype(np.int32)
    steps.run(order, 0, 1)  # compiles
    (seconds,) = alternate({"": lambda: steps.run(order, 0, 5)}, 1)[""]
    count = max(1, min(len(order) // recipe.batch_size, int(5 * SECONDS / seconds)))
    return lambda: steps.run(order, 0, count), count


def rows(repeat: int) -> Iterator[str]:
    """The rows of the table, without its last column."""
    images, labels = (np.asarray(each) for each in load_split(PROCESSED, "train"))
    for name, recipe in tutorials(load_recipes()).items():
        recipe = load_recipe(recipe.model_dump() | {"epochs": 1, "steps": None})
        modes = [each for each in MODES if recipe.family != "cnn" or each[0] == "graph"]
        programs = {mode: steps_of(recipe, (images, labels), mode) for mode in modes}
        seconds = alternate({str(mode): run for mode, (run, _) in programs.items()}, repeat)
        times = {
            mode: f"{1000 * median(seconds[str(mode)]) / count:.2f}"
            for mode, (_, count) in programs.items()
        }
        dense = recipe.hidden if recipe.family == "mlp" else []
        hidden = f"{recipe.batch_size * sum(dense):,}" if dense else "–"
        yield f"| {name} | {hidden} | {' | '.join(times.get(mode, '–') for mode in MODES)} |"


def measure(repeat: int) -> Iterator[str]:
    yield INTRODUCTION
    for row, recipe in zip(rows(repeat), tutorials(load_recipes()).values(), strict=True):
        chosen = choose_execution(recipe, "cpu", "auto", "auto")
        yield f"{row} {chosen.compile}, {chosen.precision} |"
    if instructions() != "AMX":
        return
    yield LIMITED.format(limit=LIMIT)
    command = [sys.executable, "-m", "benchmarks.modes", str(repeat)]
    limited = environment() | {"ONEDNN_MAX_CPU_ISA": LIMIT}
    done = subprocess.run(
        command, cwd=ROOT, env=limited, check=True, stdout=subprocess.PIPE, text=True
    )
    yield from done.stdout.splitlines()


if __name__ == "__main__":
    for each in rows(int(sys.argv[1])):
        print(each)
