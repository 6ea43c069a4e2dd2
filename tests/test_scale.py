"""Streaming, several devices, several workers and sweeps: real processes, fallback dataset."""

import json
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import time
from contextlib import suppress
from pathlib import Path

import numpy as np
import psutil
import pytest

from benchmarks.workers import tf_configs
from src.ingest import catalog, digits
from src.models import artifacts
from tests.fixtures.training import SMOOTH_CONVNET

pytestmark = pytest.mark.slow
takes_long = pytest.mark.skipif(
    os.environ.get("FAULTS") != "all", reason="takes long: only in `make faults`"
)

# Recipes with convolutions, averaging and L2, dropout, Adam, and one with batch normalization,
# augmentation and all else. The effect of rounding after 12 steps depends on the learning rate,
# which is 0.8 for mlp_ema. The last recipe is trained for 2 steps: see SMOOTH_CONVNET.
TOLERANCE = {
    **{"cnn": 2e-3, "mlp_ema": 1e-4, "mlp_dropout": 1e-5, "mlp_65x2": 1e-5},
    "smooth_convnet": 1e-4,
}


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
            # A background process of a script ignores Ctrl-C, and its children inherit this.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )
        for command, config in zip(commands, tf_configs(len(commands)), strict=True)
    ]


def outputs(processes: list[subprocess.Popen]) -> list[str]:
    """Wait for the workers, and return what each of them printed."""
    return [process.communicate(timeout=300)[0] for process in processes]


def replicas(strategy: str, devices: int, folder: Path, *names: str) -> list[str]:
    steps = "1" if "smooth_convnet" in names else "6"  # half of them
    command = ["python", "-m", "benchmarks.replicas", strategy, str(devices), steps, str(folder)]
    return [*command, *names]


@pytest.fixture(scope="module")
def empty_checkout(tmp_path_factory, new_checkout, edit_params) -> Path:
    """A checkout without data, where the fallback dataset is used."""
    checkout = new_checkout(tmp_path_factory.mktemp("replicas") / "checkout")
    edit_params(checkout, models__smooth_convnet=SMOOTH_CONVNET)
    return checkout


@pytest.fixture(scope="module")
def single(tmp_path_factory, empty_checkout, shell) -> Path:
    """A folder with the weights of each recipe after training on one device."""
    folder = tmp_path_factory.mktemp("weights")
    *others, convnet = TOLERANCE
    for names in (others, [convnet]):
        shell(replicas("single", 1, folder, *names), empty_checkout)
    return folder


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
    ("name", "devices"), [("cnn", 2), ("mlp_dropout", 3), ("mlp_65x2", 2), ("smooth_convnet", 3)]
)
def test_several_devices_give_the_weights_of_one_device(
    tmp_path, shell, empty_checkout, single, name, devices
):
    shell(replicas("mirrored", devices, tmp_path, name), empty_checkout)
    assert_same_weights(name, tmp_path, single)


@pytest.mark.parametrize(
    ("name", "workers"), [("mlp_dropout", 2), ("mlp_ema", 4), ("smooth_convnet", 2)]
)
def test_several_workers_give_the_weights_of_one_worker(
    tmp_path, environment, empty_checkout, single, name, workers
):
    command = replicas("multi_worker", 1, tmp_path, name)
    commands = [command] * (workers - 1) + [["python", "-c", OTHER_MEMORY, *command[3:]]]
    processes = start_workers(commands, empty_checkout, environment)
    output = outputs(processes)
    assert [process.returncode for process in processes] == [0] * workers, output
    assert_same_weights(name, tmp_path, single)


@pytest.fixture(scope="module")
def cluster_base(tmp_path_factory, new_checkout, shell, edit_params, refused_url) -> Path:
    """A checkout with the inputs of a training with several workers."""
    base = new_checkout(tmp_path_factory.mktemp("cluster") / "base")
    edit_params(
        base,
        model="mlp_dropout",
        models__mlp_dropout__epochs=30,
        train__strategy="multi_worker",
        data__folders=["data/incoming"],
        data__mirrors=[refused_url()],
    )
    shell(["git", "commit", "-qam", "One training for several workers"], base)
    shell(["dvc", "repro", "-q", "preprocess", "plan"], base)
    return base


WORKER = ["python", "-m", "stages.train", "mlp"]
CHIEF = ["dvc", "repro", "-s", "train@mlp"]


@takes_long
def test_after_the_loss_of_a_worker_a_training_resumes_to_the_same_weights(
    cluster_base, environment, tmp_path, shell
):
    """The chief runs in DVC. After a kill, the other worker prints an error and ends."""
    complete = Path(shutil.copytree(cluster_base, tmp_path / "complete"))
    processes = start_workers([CHIEF, WORKER], complete, environment)
    output = outputs(processes)
    assert [process.returncode for process in processes] == [0, 0], output
    record = artifacts.load_record(complete / "models/mlp/mlp_dropout")
    assert "multi_worker, cpu" in output[0]
    assert "validation accuracy" in output[0] and "validation accuracy" not in output[1]

    for victim in (1, 0):
        broken = Path(shutil.copytree(cluster_base, tmp_path / f"broken {victim}"))
        processes = start_workers([WORKER, WORKER], broken, environment)
        deadline = time.monotonic() + 120
        while not list((broken / ".checkpoints").glob("mlp_dropout-*.npz")):
            assert time.monotonic() < deadline
            time.sleep(0.05)
        processes[victim].send_signal(signal.SIGKILL)
        output = outputs(processes)
        assert processes[1 - victim].returncode == 1
        assert "error: lost connection to a worker (" in output[1 - victim], output
        assert "Traceback" not in output[1 - victim]
        assert not (broken / "models/mlp/mlp_dropout").exists()

        processes = start_workers([CHIEF, WORKER], broken, environment)
        output = outputs(processes)
        assert [process.returncode for process in processes] == [0, 0], output
        for each in output:
            assert "resuming from step" in each, output
        again = artifacts.load_record(broken / "models/mlp/mlp_dropout")
        assert again["weights_sha256"] == record["weights_sha256"]
    shell(["dvc", "repro", "-q"], broken, TF_CONFIG="")
    assert "mlp_dropout" in (broken / "metrics/comparison.md").read_text()


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


def test_waiting_for_workers_can_be_interrupted(cluster_base, environment):
    waiting = start_workers([WORKER, ["true"]], cluster_base, environment)
    while "waiting for" not in (line := waiting[0].stdout.readline()):
        assert line
    waiting[0].send_signal(signal.SIGINT)
    assert outputs(waiting)[0].startswith("interrupted: ")


@pytest.fixture(scope="module")
def many(tmp_path_factory, new_checkout, shell, edit_params, write_set) -> Path:
    """A checkout with 490,000 preprocessed digits, and a memory limit of 1.5 GB."""
    checkout = new_checkout(tmp_path_factory.mktemp("many") / "checkout")
    images, labels = digits.digits()
    repeated, other = np.tile(images[:1400], (350, 1, 1)), images[1400:]
    contents = {
        catalog.TRAIN_IMAGES: repeated,
        catalog.TRAIN_LABELS: np.tile(labels[:1400], 350),
        catalog.TEST_IMAGES: other,
        catalog.TEST_LABELS: labels[1400:],
    }
    write_set(checkout / "data/incoming", contents)
    edit_params(
        checkout,
        model="mlp_dropout",
        models__mlp_dropout__epochs=1,
        models__mlp_dropout__shuffle=True,  # through a buffer
        data__dataset="local",
        data__folders=["data/incoming"],
        train__memory_limit=1.5,
    )
    shell(["git", "commit", "-qam", "Many images"], checkout)
    shell(["dvc", "repro", "-q", "preprocess", "plan"], checkout)
    return checkout


def test_a_split_larger_than_the_memory_limit_allows_is_streamed(many, shell):
    done = shell(["dvc", "repro"], many)
    size = int(re.search(r"cpu, ([\d,]+) images in memory", done.stdout)[1].replace(",", ""))
    assert size * 784 <= 1.5e9 / 16
    record = artifacts.load_record(many / "models/mlp/mlp_dropout")
    assert record["val_accuracy"] > 0.9
    summary = json.loads((many / "metrics/summary.json").read_text())
    assert summary["test"]["mlp_dropout"] > 0.8


@takes_long
def test_a_streamed_training_resumes_after_a_kill(many, environment, shell):
    expected = artifacts.load_record(many / "models/mlp/mlp_dropout")["weights_sha256"]
    environment = environment | {"PYTHONUNBUFFERED": "1"}
    shutil.rmtree(many / ".checkpoints")
    process = subprocess.Popen(WORKER, cwd=many, env=environment, stdout=subprocess.PIPE, text=True)
    while not list((many / ".checkpoints").glob("mlp_dropout-*.npz")):
        assert process.poll() is None
        time.sleep(0.05)
    process.kill()
    process.communicate()
    done = shell(WORKER, many)
    assert "resuming from step" in done.stdout
    assert artifacts.load_record(many / "models/mlp/mlp_dropout")["weights_sha256"] == expected


@takes_long
def test_a_streamed_training_needs_less_memory(many, environment):
    """The split is 0.38 GB, and in memory twice while it is loaded; a buffer is 0.09 GB."""
    plan = many / "data/plan/mlp.json"
    streamed = plan.read_text()
    peaks = []
    for limit in (1.5, 1000):
        shutil.rmtree(many / ".checkpoints", ignore_errors=True)
        plan.write_text(streamed.replace('"memory_limit": 1.5', f'"memory_limit": {limit}'))
        process = psutil.Popen(WORKER, cwd=many, env=environment, stdout=subprocess.DEVNULL)
        peaks.append(0)
        while process.poll() is None:
            with suppress(psutil.Error):
                peaks[-1] = max(peaks[-1], process.memory_info().rss)
            time.sleep(0.02)
        assert process.wait() == 0
    plan.write_text(streamed)
    assert peaks[0] < peaks[1] - 0.2e9


def test_a_sweep_continues_after_it_was_killed(
    tmp_path, new_checkout, shell, environment, edit_params, refused_url
):
    checkout = new_checkout(tmp_path / "checkout")
    edit_params(
        checkout,
        model="mlp_65x2",
        models__mlp_65x2__epochs=100,
        data__folders=["data/incoming"],
        data__mirrors=[refused_url()],
    )
    shell(["git", "commit", "-qam", "A training to sweep over"], checkout)
    command = ["python", "-m", "src.apps.sweep", "-S", "train.seed=1,2", "--workers", "2"]
    driver = subprocess.Popen(
        command, cwd=checkout, env=environment, stdout=subprocess.PIPE, text=True
    )
    deadline = time.monotonic() + 400
    while not trainings(checkout):
        assert driver.poll() is None and time.monotonic() < deadline
        time.sleep(0.1)
    driver.kill()
    driver.communicate()
    assert "2 trials, 0 of them already done" in shell(command, checkout).stdout
    names = shell(["dvc", "exp", "list", "--name-only"], checkout).stdout.split()
    assert len(names) == 2
    assert trainings(checkout) == []
    with sqlite3.connect(checkout / "mlflow.db") as store:
        runs = store.execute(
            "SELECT t.value FROM runs r JOIN tags t ON t.run_uuid = r.run_uuid "
            "AND t.key = 'dvc_exp' WHERE r.name = 'mlp_65x2' AND r.status = 'FINISHED'"
        ).fetchall()
    assert sorted(name for (name,) in runs) == sorted(names)
    again = shell(command, checkout)
    assert "2 trials, 2 of them already done" in again.stdout


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
