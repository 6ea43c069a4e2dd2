"""Measure what a user waits for, besides the training: whole commands, in a clone with results.

The models come from the cache of this checkout: first run the pipeline.
"""

import os
import signal
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from itertools import count
from pathlib import Path
from statistics import median
from typing import NamedTuple

import numpy as np
import yaml
from PIL import Image

from benchmarks.processes import ROOT, clone, environment, measure_command
from benchmarks.timing import alternate, ratio
from src.common.paths import LOCK, PROCESSED
from src.data.splits import load_split

PORT = 8765
LONGEST = 120.0  # seconds until a page answers
INTRODUCTION = """\
Seconds of complete commands, and of what each needs at least: medians, alternately. *Ratio* is the
median of those of the rounds. The experiment trains two recipes for one epoch, with a new seed.

| command | seconds | at least | seconds | ratio | aim |
| --- | ---: | --- | ---: | ---: | ---: |"""


def copy_stages(folder: Path, count: int) -> Path:
    """A DVC project of ``count`` stages, each of which copies the output of the previous stage."""
    project = folder / "bare"
    project.mkdir()
    stages = {
        f"stage{i}": {"cmd": f"cp {i} {i + 1}", "deps": [str(i)], "outs": [str(i + 1)]}
        for i in range(count)
    }
    (project / "0").write_text("a file\n")
    (project / "dvc.yaml").write_text(yaml.safe_dump({"stages": stages}))
    for command in ("git init -q", "dvc init -q", "dvc repro -q"):
        measure_command(project, *command.split())
    return project


def until_page(folder: Path, *command: str) -> None:
    """Start a server, wait until its page answers, and stop it.

    Raises:
        RuntimeError: it does not answer in time.
    """
    server = subprocess.Popen(
        command,
        cwd=folder,
        env=environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    deadline = time.monotonic() + LONGEST
    try:
        while time.monotonic() < deadline:
            with suppress(OSError):
                urllib.request.urlopen(f"http://127.0.0.1:{PORT}/", timeout=5).close()
                return
            time.sleep(0.05)
        raise RuntimeError(f"{' '.join(command)} did not answer within {LONGEST:.0f} s")
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        server.wait()


class Wait(NamedTuple):
    """A command of a user, and what it needs at least."""

    command: str
    ours: Callable[[], object]
    bound: str
    least: Callable[[], object]
    aim: float  # the largest ratio
    times: float = 1.0  # of the least, and
    more: float = 0.0  # seconds


def waits(checkout: Path, bare: Path, stages: int) -> Iterator[Wait]:
    """The commands that are measured."""

    run = partial(partial, measure_command, checkout)
    tensorflow = run("python", "-c", "import tensorflow")
    predict = "python -m src.apps.predict digit.png"
    yield Wait(predict, run(*predict.split()), "`import tensorflow`", tensorflow, 1.2)
    experiment, seeds = "dvc exp run -S model=softmax -S train.epochs=1 -S train.seed=", count(100)
    yield Wait(
        f"{experiment}N",
        lambda: measure_command(checkout, *f"{experiment}{next(seeds)}".split()),
        "2.5 × `import tensorflow` + 5 s",
        tensorflow,
        *(1.0, 2.5, 5.0),
    )
    nothing = partial(measure_command, bare, "dvc", "repro")
    yield Wait("dvc repro", run("dvc", "repro"), f"bare project, {stages} stages", nothing, 1.4)
    demo = "python", "-m", "src.apps.demo", "--port", str(PORT)
    imports = "from src.common.tensorflow import keras; import src.apps.demo"
    page = partial(until_page, checkout)
    yield Wait("make demo", partial(page, *demo), "its imports", run("python", "-c", imports), 1.2)
    ui = "python", "-m", "src.tracking.ui", "--port", str(PORT)
    server = "python", "-m", "mlflow", "server", "--port", str(PORT), "--workers", "1"
    store = "--backend-store-uri", f"sqlite:///{checkout / 'mlflow.db'}"
    yield Wait(
        "make ui", partial(page, *ui), "`mlflow server`", partial(page, *server, *store), 1.2
    )


def measure(repeat: int) -> Iterator[str]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        checkout = clone(folder)
        measure_command(checkout, "dvc", "cache", "dir", "--local", str(ROOT / ".dvc/cache"))
        measure_command(checkout, "dvc", "repro")
        digit = np.array(load_split(checkout / PROCESSED, "validation")[0][0])
        Image.fromarray(255 - digit).resize((280, 280)).save(checkout / "digit.png")
        stages = len(yaml.safe_load((checkout / LOCK).read_text("utf-8"))["stages"])
        yield INTRODUCTION
        for each in waits(checkout, copy_stages(folder, stages), stages):
            ours, least = alternate({"ours": each.ours, "least": each.least}, repeat).values()
            least = [each.times * seconds + each.more for seconds in least]
            yield (
                f"| `{each.command}` | {median(ours):.1f} | {each.bound} | {median(least):.1f} | "
                f"{ratio(ours, least)} | {each.aim} |"
            )
