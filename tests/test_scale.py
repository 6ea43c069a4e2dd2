"""Streaming, several devices, several workers and sweeps: real processes, fallback dataset."""

import json
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import psutil
import pytest

from benchmarks.workers import tf_configs
from src.ingest import catalog, digits
from src.models import artifacts
from tests.fixtures.training import SMOOTH_CONVNET

pytestmark = pytest.mark.slow

# The largest difference of a weight, by rounding: after 12 steps with dropout, averaging and L2;
# after 2 steps with batch normalization, augmentation and all else: see SMOOTH_CONVNET.
TOLERANCE = {"mlp_dropout": 1e-5, "mlp_ema": 1e-4, "smooth_convnet": 1e-4}
WORKER = ["python", "-m", "stages.train", "mlp"]
CHIEF = ["dvc", "repro", "-s", "train@mlp"]


def start_workers(
    commands: list[list[str]], folder: Path, environment: dict[str, str]
) -> list[subprocess.Popen]:
    """Start a process for each worker; the first is the chief."""
    return [
        subprocess.Popen(
            command,
            cwd=folder,
            env=environment | {"TF_CONFIG": config},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for command, config in zip(commands, tf_configs(len(commands)), strict=True)
    ]


def outputs(processes: list[subprocess.Popen]) -> list[str]:
    """Wait for the workers, and return what each of them printed."""
    return [process.communicate(timeout=300)[0] for process in processes]


def replicas(strategy: str, devices: int, folder: Path, name: str) -> list[str]:
    steps = "1" if name == "smooth_convnet" else "6"  # half of them
    command = ["python", "-m", "benchmarks.replicas", strategy, str(devices), steps, str(folder)]
    return [*command, name]


@pytest.fixture(scope="module")
def empty_checkout(tmp_path_factory, new_checkout) -> Path:
    """A checkout without data, where the fallback dataset is used."""
    folder = tmp_path_factory.mktemp("replicas") / "checkout"
    return new_checkout(folder, models__smooth_convnet=SMOOTH_CONVNET)


@pytest.fixture(scope="module")
def single(tmp_path_factory, empty_checkout, shell) -> Callable[[str], Path]:
    """A function that returns a folder with the weights of a recipe, trained on one device."""
    folder = tmp_path_factory.mktemp("weights")

    def train(name: str) -> Path:
        if not (folder / f"{name}.npy").exists():
            shell(replicas("single", 1, folder, name), empty_checkout)
        return folder

    return train


# A worker whose own memory would give a smaller shuffle buffer.
OTHER_MEMORY = """
import sys
from pathlib import Path
from benchmarks import replicas

own = replicas.splits()
replicas.splits = lambda: (*own[:2], own[2] - 100)
strategy, devices, steps, folder, *names = sys.argv[1:]
replicas.main(strategy, int(devices), int(steps), Path(folder), names)
"""


def assert_same_weights(name: str, one: Path, other: Path) -> None:
    one, other = (np.load(folder / f"{name}.npy") for folder in (one, other))
    assert one == pytest.approx(other, abs=TOLERANCE[name])


@pytest.mark.parametrize(
    ("name", "devices"),
    [pytest.param("mlp_dropout", 3, marks=pytest.mark.expensive), ("smooth_convnet", 3)],
)
def test_several_devices_give_the_weights_of_one_device(
    tmp_path, shell, empty_checkout, single, name, devices
):
    shell(replicas("mirrored", devices, tmp_path, name), empty_checkout)
    assert_same_weights(name, tmp_path, single(name))


@pytest.mark.parametrize(
    ("name", "workers"),
    [pytest.param("mlp_ema", 3, marks=pytest.mark.expensive), ("smooth_convnet", 2)],
)
def test_several_workers_give_the_weights_of_one_worker(
    tmp_path, environment, empty_checkout, single, name, workers
):
    command = replicas("multi_worker", 1, tmp_path, name)
    commands = [command] * (workers - 1) + [["python", "-c", OTHER_MEMORY, *command[3:]]]
    processes = start_workers(commands, empty_checkout, environment)
    output = outputs(processes)
    assert [process.returncode for process in processes] == [0] * workers, output
    assert_same_weights(name, tmp_path, single(name))


@pytest.fixture(scope="module")
def cluster_base(tmp_path_factory, new_checkout, shell) -> Path:
    """A checkout with the inputs of a training with several workers."""
    changes = {"model": "mlp_dropout", "models__mlp_dropout__epochs": 30}
    changes |= {"train__strategy": "multi_worker", "data__dataset": "digits"}
    base = new_checkout(tmp_path_factory.mktemp("cluster") / "base", **changes)
    shell(["dvc", "repro", "-q", "preprocess", "plan"], base)
    return base


@pytest.mark.expensive
@pytest.mark.parametrize("victim", [0, 1])
def test_after_the_loss_of_a_worker_a_training_resumes_to_the_same_weights(
    cluster_base, environment, tmp_path, victim
):
    """The chief runs in DVC. After a kill, the other worker prints an error and ends."""
    weights = []
    for kills in (False, True):
        checkout = Path(shutil.copytree(cluster_base, tmp_path / f"kills {kills}"))
        if kills:
            processes = start_workers([WORKER, WORKER], checkout, environment)
            deadline = time.monotonic() + 120
            while not list((checkout / ".checkpoints").glob("mlp_dropout-*.npz")):
                assert time.monotonic() < deadline
                time.sleep(0.05)
            processes[victim].send_signal(signal.SIGKILL)
            output = outputs(processes)
            assert processes[1 - victim].returncode == 1
            assert "error: lost connection to a worker (" in output[1 - victim], output
            assert "Traceback" not in output[1 - victim]
            assert not (checkout / "models/mlp/mlp_dropout").exists()
        processes = start_workers([CHIEF, WORKER], checkout, environment)
        output = outputs(processes)
        assert [process.returncode for process in processes] == [0, 0], output
        assert "validation accuracy" in output[0] and "validation accuracy" not in output[1]
        assert all(("resuming from step" in each) == kills for each in output), output
        record = artifacts.load_record(checkout / "models/mlp/mlp_dropout")
        weights.append(record["weights_sha256"])
    assert weights[0] == weights[1]


def test_waiting_for_a_missing_worker_ends_with_an_error(cluster_base, environment):
    code = "from src.training import distributed; distributed.JOIN_SECONDS = 3; "
    code += "import sys; sys.argv[1:] = "
    code += "['mlp']; from src.common.errors import run; "
    code += "from stages.train import main; run(main, is_stage=True)"
    alone = start_workers([["python", "-c", code], ["true"]], cluster_base, environment)
    output = outputs(alone)[0]
    assert alone[0].returncode == 1
    assert re.search(r"^error: no worker at 127.0.0.1:\d+ within 3 s; start all", output, re.M)
    assert "Traceback" not in output


def test_a_split_larger_than_the_memory_limit_allows_is_streamed(
    tmp_path, new_checkout, shell, write_set
):
    """30,800 large images of digits, and a memory limit of 1.5 GB."""
    changes = {"model": "mlp_65x2", "models__mlp_65x2__epochs": 1, "data__validation": 300}
    changes |= {"data__dataset": "local", "data__folders": ["data/incoming"]}
    checkout = new_checkout(tmp_path / "checkout", train__memory_limit=1.5, **changes)
    images, labels = digits.digits()
    images = images.repeat(4, 1).repeat(4, 2)
    contents = {
        catalog.TRAIN_IMAGES: np.tile(images[:1400], (22, 1, 1)),
        catalog.TRAIN_LABELS: np.tile(labels[:1400], 22),
        catalog.TEST_IMAGES: images[1400:],
        catalog.TEST_LABELS: labels[1400:],
    }
    write_set(checkout / "data/incoming", contents)
    done = shell(["dvc", "repro"], checkout)
    size = int(re.search(r"cpu, ([\d,]+) images in memory", done.stdout)[1].replace(",", ""))
    assert size * 112 * 112 <= 1.5e9 / 16
    record = artifacts.load_record(checkout / "models/mlp/mlp_65x2")
    assert record["val_accuracy"] > 0.9
    summary = json.loads((checkout / "metrics/summary.json").read_text())
    assert summary["test"]["mlp_65x2"] > 0.8


@pytest.mark.expensive  # of an example, whose other tests are in test_sweep.py
def test_a_killed_sweep_is_continued(tmp_path, new_checkout, shell, environment):
    changes = {"model": "mlp_65x2", "models__mlp_65x2__epochs": 100, "data__dataset": "digits"}
    checkout = new_checkout(tmp_path / "checkout", **changes)
    command = ["python", "examples/sweep.py", "-S", "train.seed=1,2", "--workers", "2"]
    sweep = subprocess.Popen(command, cwd=checkout, env=environment, start_new_session=True)
    deadline = time.monotonic() + 400
    while not trainings(checkout):
        assert sweep.poll() is None and time.monotonic() < deadline
        time.sleep(0.1)
    os.killpg(sweep.pid, signal.SIGKILL)
    sweep.wait(60)
    assert "2 trials, 0 of them already done" in shell(command, checkout).stdout
    names = shell(["dvc", "exp", "list", "--name-only"], checkout).stdout.split()
    assert len(names) == 2 and trainings(checkout) == []
    with sqlite3.connect(checkout / "mlflow.db") as store:
        runs = store.execute(
            "SELECT t.value FROM runs r JOIN tags t ON t.run_uuid = r.run_uuid "
            "AND t.key = 'dvc_exp' WHERE r.name LIKE 'mlp_65x2%' AND r.status = 'FINISHED'"
        ).fetchall()
    assert sorted(name for (name,) in runs) == sorted(names)
    assert "2 trials, 2 of them already done" in shell(command, checkout).stdout


def trainings(checkout: Path) -> list[psutil.Process]:
    """Return the processes that train the recipe in DVC's copies of a checkout."""
    found = []
    for process in psutil.process_iter():
        try:
            inside = Path(process.cwd()).is_relative_to(checkout / ".dvc")
            if inside and process.cmdline()[-2:] == ["stages.train", "mlp"]:
                found.append(process)
        except psutil.Error:
            continue
    return found
