"""Which settings change the bits of the weights: number of threads, oneDNN, instruction set."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator

from benchmarks.processes import ROOT, environment
from src.common.paths import PROCESSED
from src.config.recipe import load_recipe
from src.config.recipes import load_recipes, tutorials
from src.data.splits import load_dataset_info, load_split
from src.models.artifacts import weights_sha256
from src.models.device import choose_device
from src.training.execution import choose_execution
from src.training.trainer import Trainer

DEFAULT = "2 threads"
SETTINGS: dict[str, tuple[int, dict[str, str]]] = {  # threads, environment variables
    DEFAULT: (2, {}),
    "1 thread": (1, {}),
    "4 threads": (4, {}),
    "without oneDNN": (2, {"TF_ENABLE_ONEDNN_OPTS": "0"}),
    "AVX2": (2, {"ONEDNN_MAX_CPU_ISA": "AVX2", "XLA_FLAGS": "--xla_cpu_max_isa=AVX2"}),
}
INTRODUCTION = """\
Weights after one epoch, each in its own process: whether they are the same bits as with {default},
and the time of the epoch divided by that with {default}. *AVX2*: no newer instructions, without
which bfloat16 fails.

| recipe | {settings} |
| --- | {columns} |"""


def train(name: str, threads: int) -> tuple[str, float]:
    """Train one epoch; return the digest of the weights, and the seconds."""
    length = {"epochs": 1, "steps": None, "validate_every": None}
    recipe = load_recipe(load_recipes()[name].model_dump() | length)
    execution = choose_execution(recipe, choose_device("cpu", threads), "auto", "auto")
    splits = load_split(PROCESSED, "train"), load_split(PROCESSED, "validation")
    classes = load_dataset_info(PROCESSED)["classes"]
    trainer = Trainer(recipe, *splits, classes, 1, execution)
    started = time.perf_counter()
    model = trainer.run().model
    return weights_sha256(model), time.perf_counter() - started


def measure(repeat: int) -> Iterator[str]:
    """Ignores ``repeat``: weights are the same in each round."""
    others = [setting for setting in SETTINGS if setting != DEFAULT]
    columns = {"settings": " | ".join(others), "columns": " | ".join(["---:"] * len(others))}
    yield INTRODUCTION.format(default=DEFAULT, **columns)
    for name in tutorials(load_recipes()):
        results = {}
        for setting, (threads, variables) in SETTINGS.items():
            command = [sys.executable, "-m", "benchmarks.portability", name, str(threads)]
            done = subprocess.run(
                command, cwd=ROOT, env=environment() | variables, capture_output=True
            )
            if done.returncode == 0:
                results[setting] = json.loads(done.stdout.splitlines()[-1])
        cells = [compare(results[DEFAULT], results.get(each)) for each in others]
        yield f"| {name} | {' | '.join(cells)} |"


def compare(default: tuple[str, float], other: tuple[str, float] | None) -> str:
    """The cell of a setting; None if the training failed."""
    if other is None:
        return "fails"
    return f"{'same' if other[0] == default[0] else 'other'}, {other[1] / default[1]:.1f}"


if __name__ == "__main__":
    print(json.dumps(train(sys.argv[1], int(sys.argv[2]))))
