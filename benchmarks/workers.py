"""Several devices and workers against one: how far weights differ, and seconds per step."""

import json
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from benchmarks.pipeline import ROOT, environment
from src.config.params import load_params

STEPS = 50  # twice; the second half is timed
WAYS = {"single": 1, "mirrored": 2, "2 workers": 2, "4 workers": 4}


def train(way: str, name: str, folder: Path) -> tuple[np.ndarray, float]:
    """The weights of a recipe after some steps, and seconds per step of the chief."""
    count = WAYS[way] if "workers" in way else 1
    strategy = "multi_worker" if "workers" in way else way
    devices = WAYS[way] if way == "mirrored" else 1
    module = [sys.executable, "-m", "benchmarks.replicas"]
    words = [*module, strategy, str(devices), str(STEPS), str(folder), name]
    processes = [
        subprocess.Popen(
            words,
            cwd=ROOT,
            env=environment() | {"TF_CONFIG": config},
            stdout=subprocess.PIPE,
            text=True,
        )
        for config in clusters(count)
    ]
    said = [process.communicate()[0] for process in processes]
    if any(process.returncode for process in processes):
        raise RuntimeError(said)
    told = json.loads(said[0].splitlines()[-1])
    return np.load(folder / f"{name}.npy"), told["seconds"]


def clusters(count: int) -> list[str]:
    """``TF_CONFIG`` of each of so many workers on this machine."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    workers = [f"127.0.0.1:{each.getsockname()[1]}" for each in sockets]
    for each in sockets:
        each.close()
    tasks = [{"type": "worker", "index": index} for index in range(count)]
    return [json.dumps({"cluster": {"worker": workers}, "task": task}) for task in tasks]


def measure(repeat: int) -> Iterator[str]:
    """The lines of the section; each is measured once, whatever ``repeat``."""
    yield f"The largest difference of any weight from those of one device, after {2 * STEPS} steps"
    yield "of 100 images, in float32; the largest weight beside it. Seconds per step: all workers"
    yield "share this machine's processors, so that these tell what talking costs, not the gain."
    yield ""
    yield "| recipe | largest weight | 2 devices | 2 workers | 4 workers | s per step: 1 | 2 | 4 |"
    yield "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |"
    for name in load_params().models:
        with tempfile.TemporaryDirectory() as folder:
            done = {way: train(way, name, Path(folder)) for way in WAYS}
        one, seconds = done["single"]
        apart = [np.abs(done[way][0] - one).max() for way in WAYS if way != "single"]
        numbers = " | ".join(f"{each:.1e}" for each in apart)
        times = [seconds, done["2 workers"][1], done["4 workers"][1]]
        timed = " | ".join(f"{each:.4f}" for each in times)
        yield f"| {name} | {np.abs(one).max():.2g} | {numbers} | {timed} |"
