"""The pipeline is killed at random times."""

import os
import random
import re
import shutil
import signal
import subprocess
import time
from pathlib import Path

import psutil
import pytest
import yaml

EVERY_FAULT = os.environ.get("FAULTS") == "all"
pytestmark = pytest.mark.slow
ROUNDS = 10 if EVERY_FAULT else 1
KILLS = 5 if EVERY_FAULT else 3  # in a round, before the pipeline may finish
LONGEST = 22  # seconds before a kill: about the duration of the complete pipeline


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


def start(checkout: Path, environment: dict[str, str], log: Path) -> subprocess.Popen:
    return subprocess.Popen(
        ["dvc", "repro"],
        cwd=checkout,
        env=environment,
        stdout=log.open("a"),
        stderr=subprocess.STDOUT,
        start_new_session=True,
        # A background process of a script ignores Ctrl-C, and its children inherit this.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )


def wait_until_quiet(checkout: Path) -> None:
    deadline = time.monotonic() + 60
    while left := processes(checkout):
        assert time.monotonic() < deadline, [process.cmdline() for process in left]
        time.sleep(0.1)


@pytest.mark.fault(
    "Killed at 50 random times: SIGKILL, SIGTERM or Ctrl-C to all processes, or SIGKILL to `dvc`",
    sees="after Ctrl-C, `interrupted: …`; otherwise no message",
    then="`dvc repro` continues; a training resumes from its checkpoint; same weights and metrics",
)
@pytest.mark.parametrize("seed", range(ROUNDS))
def test_killed_at_random_times(checkout, environment, tmp_path, recovers, seed):
    times, log = random.Random(seed), tmp_path / "log"
    for _ in range(KILLS):
        process = start(checkout, environment, log)
        time.sleep(times.uniform(0.5, LONGEST))
        how = times.choice(["all", "dvc", signal.SIGTERM, signal.SIGINT])
        if process.poll() is not None:
            continue  # it has already ended
        if how == "all":  # as in a power failure
            for each in processes(checkout):
                each.kill()
        elif how == "dvc":
            process.kill()
        else:
            os.killpg(process.pid, how)
        process.wait(60)
        if how == signal.SIGINT:
            wait_until_quiet(checkout)
    wait_until_quiet(checkout)
    recovers(checkout)


@pytest.mark.fault(
    "Ctrl-C in a stage",
    sees="`interrupted: no incomplete output was kept; …`, and no process is left behind",
    then="`dvc repro` continues",
)
@pytest.mark.parametrize("stage", ["train@mlp", "download", "preprocess"])
@pytest.mark.first_cases(1)
@pytest.mark.make_faults
def test_interrupted(checkout, environment, tmp_path, recovers, stage):
    log = tmp_path / "log"
    process = start(checkout, environment, log)
    module = f"stages.{stage.split('@')[0]}"
    deadline = time.monotonic() + 120
    while not any(
        module in each.cmdline() and stage.split("@")[-1] in (*each.cmdline(), stage)
        for each in processes(checkout)
        if each.is_running()
    ):
        assert process.poll() is None and time.monotonic() < deadline, log.read_text()
        time.sleep(0.02)
    time.sleep(1.5)
    os.killpg(process.pid, signal.SIGINT)
    assert process.wait(60) != 0
    wait_until_quiet(checkout)
    assert f'File "{checkout}' not in log.read_text()  # DVC may print its own traceback
    recovers(checkout)


@pytest.mark.fault(
    "`dvc` killed after a training is complete, before DVC has cached its results",
    sees="no message",
    then="the training is not repeated: its checkpoint is complete; MLflow gets no second run",
)
def test_a_complete_training_is_not_repeated(
    results_there, shell, expected, results, logged_trainings
):
    checkout, before = results_there, logged_trainings(results_there)
    # The state after such a kill: the stage is complete, but DVC has not recorded it.
    lock = checkout / "dvc.lock"
    content = yaml.safe_load(lock.read_text())
    del content["stages"]["train@mlp"]
    lock.write_text(yaml.safe_dump(content, sort_keys=False))
    shutil.rmtree(checkout / ".dvc/cache/runs")
    shutil.rmtree(checkout / "models/mlp")

    again = shell(["dvc", "repro"], checkout)
    assert "mlp_dropout: already trained; to train it again, delete .checkpoints" in again.stdout
    assert results(checkout) == expected
    assert logged_trainings(checkout) == before


@pytest.mark.fault(
    "`dvc` killed while it writes `dvc.lock`, which takes a tenth of a second after each stage",
    sees="in the next run, from `dvc`: `'./dvc.lock' is invalid` or `validation failed`",
    then="`git checkout dvc.lock`; then `dvc repro` restores the results from its cache",
)
def test_killed_while_dvc_writes_its_lock_file(results_there, shell, expected, results):
    lock = results_there / "dvc.lock"
    lock.write_text(lock.read_text()[:20000].rpartition("path:")[0] + "pa")
    said = shell(["dvc", "repro"], results_there, fails=True).stderr
    assert re.search(r"'./dvc.lock' (is invalid|validation failed)", said)
    # The worst case: the state before the first stage.
    shell(["git", "checkout", "HEAD~", "dvc.lock"], results_there)
    done = shell(["dvc", "repro"], results_there)
    assert "Running stage 'train" not in done.stdout
    assert results(results_there) == expected


@pytest.mark.fault(
    "`dvc` killed while it writes `.dvc/tmp/rwlock`, before and after each stage",
    sees="in the next run, from `dvc`: `Unable to read RWLock-file '.dvc/tmp/rwlock'`",
    then="`rm .dvc/tmp/rwlock`; then `dvc repro` continues",
)
def test_killed_while_dvc_writes_its_locks(results_there, shell, expected, results):
    locks = results_there / ".dvc/tmp/rwlock"
    locks.write_bytes(b"")
    (results_there / "models/mlp/mlp_dropout/model.keras").unlink()
    said = shell(["dvc", "repro"], results_there, fails=True).stderr
    assert "Unable to read RWLock-file '.dvc/tmp/rwlock'" in said
    locks.unlink()
    shell(["dvc", "repro"], results_there)
    assert results(results_there) == expected
