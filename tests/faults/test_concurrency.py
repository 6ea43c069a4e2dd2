"""Several processes at once."""

import shutil
import subprocess
import time
import urllib.request

import pytest

pytestmark = pytest.mark.slow


def start(command: list[str], checkout, environment, log) -> subprocess.Popen:
    return subprocess.Popen(
        command,
        cwd=checkout,
        env=environment,
        stdout=log.open("a"),
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )


@pytest.mark.fault(
    "Two `dvc repro` at once",
    sees="from the second: `ERROR: … is busy …` or `Unable to acquire lock`, by DVC",
    then="the first finishes normally",
)
@pytest.mark.make_faults
def test_two_at_once(checkout, environment, tmp_path, recovers, expected, results):
    logs = [tmp_path / "first", tmp_path / "second"]
    first = start(["dvc", "repro"], checkout, environment, logs[0])
    time.sleep(3)
    second = start(["dvc", "repro"], checkout, environment, logs[1])
    assert first.wait(600) == 0, logs[0].read_text()
    if second.wait(600):
        output = logs[1].read_text()
        assert "lock" in output or "busy" in output
        assert "Traceback" not in output
    assert results(checkout) == expected
    recovers(checkout)


@pytest.mark.fault(
    "Three queued experiments with `dvc queue start -j 3`, a `dvc repro` and `make ui` at once",
    sees="nothing",
    then="all finish; each training is a run in MLflow, once",
)
@pytest.mark.make_faults
def test_a_queue_a_repro_and_the_ui(
    results_there, shell, expected, mlflow_server, logged_trainings, results
):
    checkout = results_there
    for seed in (2, 3, 4):
        queued = ["dvc", "exp", "run", "--queue", "-n", f"seed-{seed}", "-S", f"train.seed={seed}"]
        shell([*queued, "-S", "model=mlp_65x2"], checkout)
    before = logged_trainings(checkout)
    shutil.rmtree(checkout / ".checkpoints")  # so that `dvc repro` trains again
    with mlflow_server("sqlite:///mlflow.db", checkout) as address:
        shell(["dvc", "queue", "start", "-j", "3"], checkout)
        time.sleep(2)
        shell(["dvc", "repro", "-q", "--force", "-s", "train@mlp"], checkout)
        deadline = time.monotonic() + 400
        while "Running" in (output := shell(["dvc", "queue", "status"], checkout).stdout) or (
            "Queued" in output
        ):
            assert time.monotonic() < deadline, output
            time.sleep(1)
        assert output.count("Success") == 3, output
        urllib.request.urlopen(f"{address}/health", timeout=10).close()
    new = logged_trainings(checkout)
    seeds = [("mlp_65x2", f"seed-{seed}") for seed in (2, 3, 4)]
    assert new == sorted([*seeds, *before, *before])
    shell(["dvc", "repro", "-q"], checkout)
    assert results(checkout) == expected
