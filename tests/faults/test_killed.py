"""The pipeline is killed, interrupted and stopped by a full disk; a file is edited as it runs."""

import os
import random
import re
import signal
import subprocess
import time
from pathlib import Path

import psutil
import pytest
import yaml

pytestmark = pytest.mark.slow
RECIPES = ("mlp_65x2", "mlp_dropout")
LONGEST = 40  # seconds before a kill: about the duration of the pipeline with these recipes


def processes(folder: Path) -> list[psutil.Process]:
    """Return the processes whose working directory is in a folder."""
    found = []
    for process in psutil.process_iter():
        try:
            if Path(process.cwd()).is_relative_to(folder):
                found.append(process)
        except psutil.Error:
            continue
    return found


@pytest.fixture
def start(environment, tmp_path):
    """Return a function that starts `dvc repro` in a checkout; it prints to ``log``."""

    def start(checkout: Path, *stages: str) -> subprocess.Popen:
        return subprocess.Popen(
            ["dvc", "repro", *stages],
            cwd=checkout,
            env=environment,
            stdout=(tmp_path / "log").open("a"),
            stderr=subprocess.STDOUT,
            start_new_session=True,
            # A background process of a script ignores Ctrl-C, and its children inherit this.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )

    return start


def wait_until_quiet(checkout: Path) -> None:
    deadline = time.monotonic() + 60
    while left := processes(checkout):
        assert time.monotonic() < deadline, [process.cmdline() for process in left]
        time.sleep(0.1)


def wait_for(text: str, log: Path, process: subprocess.Popen) -> None:
    deadline = time.monotonic() + 300
    while text not in log.read_text():
        assert process.poll() is None and time.monotonic() < deadline, log.read_text()
        time.sleep(0.05)


@pytest.mark.expensive  # tests/test_first_run.py kills a training once
@pytest.mark.parametrize("seed", range(10))
def test_killed_at_random_times(checkout, start, shell, edit_params, recovers, seed):
    edit_params(checkout, model=[*RECIPES])
    times = random.Random(seed)
    for how in times.sample(["all", "dvc", signal.SIGTERM, signal.SIGINT], 2):
        process = start(checkout)
        time.sleep(times.uniform(0.5, LONGEST))
        if how == "all":  # as in a power failure
            for each in processes(checkout):
                each.kill()
        elif how == "dvc":
            process.kill()
        elif process.poll() is None:
            os.killpg(process.pid, how)
        process.wait(60)
        wait_until_quiet(checkout)
        repair(checkout, shell)
    recovers(checkout, RECIPES)


def repair(checkout: Path, shell) -> None:
    """Do what docs/reliability.md says about files that DVC was writing when it was killed."""
    locks, lock = checkout / ".dvc/tmp/rwlock", checkout / "dvc.lock"
    if locks.exists():
        locks.unlink()
    try:
        assert yaml.safe_load(lock.read_text())["stages"]
    except (AssertionError, TypeError, yaml.YAMLError):
        shell(["git", "checkout", "dvc.lock"], checkout)


def test_ctrl_c_or_an_edit_during_a_training_records_nothing(
    results_there, start, shell, edit_params, tmp_path
):
    checkout, log = results_there, tmp_path / "log"
    edit_params(checkout, model="mlp_65x2", models__mlp_65x2__epochs=3000)
    process = start(checkout, "train@mlp")
    wait_for("mlp_65x2: epoch 1", log, process)
    os.killpg(process.pid, signal.SIGINT)
    assert process.wait(60) != 0
    wait_until_quiet(checkout)
    assert "interrupted: no incomplete output was kept" in log.read_text()

    edit_params(checkout, models__mlp_65x2__epochs=100)
    log.write_text("")
    process = start(checkout, "train@mlp")
    wait_for("mlp_65x2: epoch 1", log, process)
    with (checkout / "src/training/network.py").open("a") as module:
        module.write("# edited\n")
    assert process.wait(300) != 0
    assert "error: src/training/network.py changed while the stage train@mlp ran" in log.read_text()
    edit_params(checkout, models__mlp_65x2__epochs=5)
    done = shell(["dvc", "repro", "train@mlp"], checkout)
    assert "Running stage 'train@mlp'" in done.stdout and "mlp_65x2: epoch 5," in done.stdout


def test_damaged_files_of_dvc_can_be_removed_or_restored(results_there, shell, recovers):
    locks, lock = results_there / ".dvc/tmp/rwlock", results_there / "dvc.lock"
    locks.write_bytes(b"")
    (results_there / "models/mlp/mlp_dropout/model.keras").unlink()
    said = shell(["dvc", "repro"], results_there, fails=True).stderr
    assert "Unable to read RWLock-file '.dvc/tmp/rwlock'" in said
    locks.unlink()
    lock.write_text(lock.read_text()[:20000].rpartition("path:")[0] + "pa")
    said = shell(["dvc", "repro"], results_there, fails=True).stderr
    assert re.search(r"'./dvc.lock' (is invalid|validation failed)", said)
    shell(["git", "checkout", "dvc.lock"], results_there)
    recovers(results_there)


FOLDERS = ("data", "models", "plots", "metrics")


@pytest.fixture
def small_disk(results_there):
    """Return a checkout with its outputs on small disks."""
    mounted = []
    try:
        for name in FOLDERS:
            place = results_there / name
            kept = place.rename(results_there.parent / f"kept {name}")
            place.mkdir()
            mount = ["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", str(place)]
            if subprocess.run(mount, capture_output=True).returncode:
                pytest.skip("no file system can be mounted here")
            mounted.append(place)
            subprocess.run(["cp", "-a", f"{kept}/.", str(place)], check=True)
        yield results_there
    finally:
        for place in mounted:
            subprocess.run(["umount", "-l", str(place)], check=True)


@pytest.mark.parametrize(
    ("stage", "output"),
    [
        ("train mlp", "models/mlp"),
        pytest.param("preprocess", "data/processed", marks=pytest.mark.expensive),
        pytest.param("evaluate", "data/predictions", marks=pytest.mark.expensive),
    ],
)
def test_a_full_disk(small_disk, shell, recovers, stage, output):
    def contents():
        files = [path for path in (small_disk / output).rglob("*") if path.is_file()]
        return sorted((str(path), path.stat().st_size) for path in files)

    before = contents()
    for name in FOLDERS:
        with (small_disk / name / "filler").open("wb", buffering=0) as file:
            for size in (1 << 20, 1 << 12, 1):
                try:
                    while True:
                        file.write(b"\0" * size)
                except OSError:
                    continue
    first, *arguments = stage.split()
    done = shell(["python", "-m", f"stages.{first}", *arguments], small_disk, fails=True)
    assert "error: No space left on device" in done.stderr and "Traceback" not in done.stderr
    assert contents() == before
    for name in FOLDERS:
        (small_disk / name / "filler").unlink()
    recovers(small_disk)
