"""Seconds per epoch: ours, PyTorch and JAX, each in its own process and in its best setting."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from types import TracebackType

from benchmarks.epoch_process import LIMIT, TOO_SLOW, TRIAL
from benchmarks.processes import ROOT, environment
from benchmarks.timing import Seconds, alternate, ratio
from src.common.errors import PipelineError
from src.common.paths import PROCESSED
from src.data.splits import load_split

RECIPES = ("softmax", "mlp_ema", "mlp_dropout", "cnn")
PROGRAMS = ("ours", "pytorch", "jax")
PAUSE = 0.5  # seconds
PACKAGES = ("torch", "jax", "flax", "optax")
INTRODUCTION = """\
Seconds per epoch of {images:,} images in memory. *Ours* is our training loop, with a validation on
100 images. The others are `benchmarks/pytorch_epochs.py` and `benchmarks/jax_epochs.py` (JAX with
Flax and Optax). All have the same network, batch size, number of steps, dropout, L2 penalty, moving
average of the weights and learning rate. The optimizers are those of the libraries; their
definitions are the same, except for RMSprop in PyTorch: epsilon is outside the square root, and the
squared gradients start at 0 instead of 1. Each program has its own process, which has imported and
compiled everything before. All settings of a library are tried on {trial:,} images, each for at
most {limit} s, and the fastest is measured. Between two programs, all rest for {pause} s: the
threads of some libraries wait actively at first. Versions: {versions}.

| recipe | our execution | PyTorch | JAX | ours | PyTorch | JAX | PyTorch / ours | JAX / ours |
| --- | --- | --- | --- | ---: | ---: | ---: | ---: | ---: |"""


class EpochProcess:
    """A process of ``benchmarks.epoch_process``; ``setting`` describes how it trains.

    Args:
        program: one of ``PROGRAMS``.
        recipe: its name in ``recipes.yaml``.
        folder: of the preprocessed data.

    Raises:
        RuntimeError: the process ended. What it printed on stderr is in the terminal.
    """

    def __init__(self, program: str, recipe: str, folder: Path) -> None:
        self._name = f"{program} of {recipe}"
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.epoch_process", program, recipe, folder.resolve()],
            cwd=ROOT,
            env=environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.setting = self._answer()

    def train_epoch(self) -> float:
        """Train for one epoch; return the mean loss of its batches."""
        print(file=self._process.stdin, flush=True)
        return float(self._answer())

    def _answer(self) -> str:
        if not (line := self._process.stdout.readline()):
            raise RuntimeError(f"the process {self._name} ended; its error is printed above")
        return line.strip()

    def __enter__(self) -> "EpochProcess":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._process.__exit__(kind, error, traceback)  # closes the pipes, and waits for its end


def time_programs(recipe: str, folder: Path, repeat: int) -> tuple[dict[str, str], Seconds]:
    """Train a recipe with each program for an epoch that is not measured, then ``repeat`` epochs.

    Returns the settings of the programs, and the measurements; without those of a library that is
    ``TOO_SLOW``.
    """
    with ExitStack() as stack:
        processes = {
            program: stack.enter_context(EpochProcess(program, recipe, folder))
            for program in PROGRAMS
        }
        settings = {program: process.setting for program, process in processes.items()}
        fast = {
            name: each.train_epoch for name, each in processes.items() if each.setting != TOO_SLOW
        }
        return settings, alternate(fast, repeat, PAUSE)


def measure(repeat: int) -> Iterator[str]:
    if missing := [name for name in PACKAGES if find_spec(name) is None]:
        raise PipelineError(
            f"the section peers needs {', '.join(missing)}; run `.venv/bin/pip install -r "
            "requirements-peers.txt`"
        )
    versions = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    count = len(load_split(PROCESSED, "train")[1])
    yield INTRODUCTION.format(
        images=count, versions=versions, pause=PAUSE, trial=TRIAL, limit=LIMIT
    )
    for recipe in RECIPES:
        settings, seconds = time_programs(recipe, PROCESSED, repeat)
        medians = [f"{median(seconds[each]):.3f}" if each in seconds else "–" for each in PROGRAMS]
        ratios = [
            ratio(seconds[each], seconds["ours"]) if each in seconds else "–"
            for each in PROGRAMS[1:]
        ]
        yield f"| {' | '.join([recipe, *settings.values(), *medians, *ratios])} |"
