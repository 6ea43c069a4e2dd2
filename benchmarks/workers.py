"""Compare training on several devices or workers with one device: weights and seconds per step."""

import json
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from benchmarks.processes import ROOT, environment
from src.config.recipes import load_recipes

STEPS = 50  # a training has twice as many; only the second half is timed
# Strategy, devices per worker, workers.
SETUPS = (("single", 1, 1), ("mirrored", 2, 1), ("multi_worker", 1, 2), ("multi_worker", 1, 4))
INTRODUCTION = """\
The largest difference between any weight and the same weight trained on one device, after {steps}
steps of 100 images in float32; the column *largest weight* is for comparison. Seconds per step: all
workers share the processors of this machine, so these values show the communication overhead, not
the speedup.

| recipe | largest weight | 2 devices | 2 workers | 4 workers | s per step: 1 worker | 2 | 4 |
| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |"""


def train(
    recipe: str, strategy: str, devices: int, workers: int, folder: Path
) -> tuple[np.ndarray, float]:
    """Train a recipe for a few steps; return its weights, and the chief's seconds per step."""
    arguments = [strategy, str(devices), str(STEPS), str(folder), recipe]
    processes = [
        subprocess.Popen(
            [sys.executable, "-m", "benchmarks.replicas", *arguments],
            cwd=ROOT,
            env=environment() | {"TF_CONFIG": config},
            stdout=subprocess.PIPE,
            text=True,
        )
        for config in tf_configs(workers)
    ]
    output = [process.communicate()[0] for process in processes]
    if any(process.returncode for process in processes):
        raise RuntimeError(output)
    return np.load(folder / f"{recipe}.npy"), float(output[0].splitlines()[-1])


def tf_configs(count: int) -> list[str]:
    """``TF_CONFIG`` for each worker of a cluster of ``count`` workers on free local ports."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    workers = [f"127.0.0.1:{each.getsockname()[1]}" for each in sockets]
    for each in sockets:
        each.close()
    tasks = [{"type": "worker", "index": index} for index in range(count)]
    return [json.dumps({"cluster": {"worker": workers}, "task": task}) for task in tasks]


def measure(repeat: int) -> Iterator[str]:
    """Ignores ``repeat``: each training runs once."""
    yield INTRODUCTION.format(steps=2 * STEPS)
    for recipe in load_recipes():
        with tempfile.TemporaryDirectory() as folder:
            results = [train(recipe, *each, Path(folder)) for each in SETUPS]
        (weights, *others), seconds = zip(*results, strict=True)
        cells = [f"{np.abs(weights).max():.2g}"]
        cells += [f"{np.abs(other - weights).max():.1e}" for other in others]
        cells += [f"{seconds[index]:.4f}" for index in (0, 2, 3)]
        yield f"| {recipe} | {' | '.join(cells)} |"
