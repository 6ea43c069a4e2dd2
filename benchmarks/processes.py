"""Run commands in a clone of this repository, and measure their time and memory."""

import json
import os
import shutil
import subprocess
import sys
from itertools import chain
from pathlib import Path
from typing import NamedTuple

from src.common.files import read_json
from src.common.paths import PARAMS, RAW
from src.config.params import load_params
from src.ingest.catalog import CATALOGUE
from src.ingest.files import find_files

ROOT = Path(__file__).parent.parent
# Linux counts the memory of a process also for the processes that it starts. Therefore this small
# program starts the command, not the current process, which has loaded TensorFlow.
MEASURE = """
import json, resource, subprocess, sys, time
started = time.perf_counter()
status = subprocess.run(sys.argv[1:]).returncode
seconds = time.perf_counter() - started
peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024
print()
print(json.dumps([seconds, peak]))
sys.exit(status)
"""


class Cost(NamedTuple):
    """The resources that a command used."""

    seconds: float
    peak_memory: int  # bytes, of the largest of its processes


def environment() -> dict[str, str]:
    """Environment variables that select this Python, and neither a DVC run nor an MLflow server."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("DVC_")}
    kept.pop("MLFLOW_TRACKING_URI", None)
    return kept | {"PATH": f"{Path(sys.executable).parent}:{kept['PATH']}"}


def measure_command(folder: Path, *command: str) -> Cost:
    """Run a command in ``folder``.

    Raises:
        RuntimeError: the command failed; the message contains its output.
    """
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, *command],
        cwd=folder,
        env=environment(),
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} failed: {done.stdout}{done.stderr}")
    return Cost(*json.loads(done.stdout.splitlines()[-1]))


def repeat_pipeline(checkout: Path) -> Cost:
    """Run all stages; without the checkpoints of complete trainings, which would be used again."""
    shutil.rmtree(checkout / ".checkpoints", ignore_errors=True)
    return measure_command(checkout, "dvc", "repro", "--force", "--no-run-cache")


def clone(folder: Path) -> Path:
    """Clone the last commit into ``folder/checkout``, with the raw files in ``data/incoming``.

    They come from this checkout or the folders in ``params.yaml``; otherwise the clone downloads.
    """
    checkout, data = folder / "checkout", load_params(ROOT / PARAMS).data
    measure_command(ROOT, "git", "clone", "-q", ".", str(checkout))
    folders = [Path(each.replace("{dataset}", data.dataset)).expanduser() for each in data.folders]
    downloaded = ROOT / RAW / "dataset.json"
    # `download` cannot verify uncompressed files of which only the .gz checksums are known.
    can_be_verified = data.dataset not in CATALOGUE or not CATALOGUE[data.dataset].is_packed
    is_there = downloaded.exists() and read_json(downloaded, "download")["name"] == data.dataset
    if is_there and can_be_verified:
        folders.insert(0, RAW)
    for source in folders:
        if files := _data_files(ROOT / source):
            for path in files:
                shutil.copy(path, checkout / "data/incoming")
            break
    return checkout


def _data_files(folder: Path) -> list[Path]:
    return sorted({*chain.from_iterable(find_files(folder).values())})
