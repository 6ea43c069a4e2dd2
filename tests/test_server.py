"""A team's MLflow server: on PostgreSQL, with artifacts that only it can reach."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fixtures.checkout import TRAINED

PROGRAMS = max(Path("/usr/lib/postgresql").glob("*/bin"), default=None)
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(PROGRAMS is None, reason="no PostgreSQL (Debian's package postgresql)"),
]
# As other than root, which PostgreSQL refuses.
USER = {"user": "postgres", "group": "postgres", "extra_groups": []} if os.geteuid() == 0 else {}


def wait_until(check, process: subprocess.Popen, log: Path) -> None:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and process.poll() is None:
        if check():
            return
        time.sleep(0.2)
    pytest.fail(f"{process.args}: {log.read_text()[-1500:]}")


@pytest.fixture(scope="module")
def database(tmp_path_factory, free_port) -> Iterator[str]:
    """The address of an empty PostgreSQL database."""
    folder = Path(tempfile.mkdtemp(prefix="postgres-"))  # pytest's folders are for one user only
    if USER:
        shutil.chown(folder, "postgres", "postgres")
    port, log = free_port(), tmp_path_factory.mktemp("postgres") / "log"
    quiet = {"stdout": log.open("a"), "stderr": subprocess.STDOUT}
    place = str(folder / "data")
    made = [PROGRAMS / "initdb", "-D", place, "-A", "trust", "-U", "postgres"]
    subprocess.run(made, check=True, cwd=folder, **quiet, **USER)
    server = [PROGRAMS / "postgres", "-D", place, "-p", str(port), "-k", str(folder)]
    process = subprocess.Popen([*server, "-h", "127.0.0.1"], cwd=folder, **quiet, **USER)
    ready = [PROGRAMS / "pg_isready", "-h", "127.0.0.1", "-p", str(port)]
    try:
        wait_until(lambda: subprocess.run(ready, **quiet).returncode == 0, process, log)
        yield f"postgresql://postgres@127.0.0.1:{port}/postgres"
    finally:
        process.send_signal(signal.SIGQUIT)  # PostgreSQL's immediate shutdown
        process.wait(30)
        shutil.rmtree(folder, ignore_errors=True)


def trainings(client) -> dict[str, list]:
    """The runs of trainings, by recipe."""
    ids = [each.experiment_id for each in client.search_experiments()]
    found: dict[str, list] = {}
    for run in client.search_runs(ids):
        if "recipe" in run.data.tags:
            found.setdefault(run.data.tags["recipe"], []).append(run)
    return found


def test_a_server_that_stops_loses_nothing_and_two_persons_log_at_once(
    database, copy_trained, tmp_path, environment, shell, edit_params, free_port, mlflow_server
):
    from mlflow import MlflowClient

    checkout, other = copy_trained(tmp_path / "checkout"), copy_trained(tmp_path / "other")
    edit_params(checkout, model="mlp_65x2", models__mlp_65x2__epochs=1500)
    shell(["dvc", "repro", "-q", "plan"], checkout)
    for family in ("softmax", "cnn"):  # those of the other person
        shutil.rmtree(checkout / "models" / family)
    port, log = free_port(), tmp_path / "training.log"
    address = f"http://127.0.0.1:{port}"
    team = environment | {"MLFLOW_TRACKING_URI": address}
    with mlflow_server(database, tmp_path, port):
        client = MlflowClient(address)
        training = subprocess.Popen(
            ["dvc", "repro", "-s", "train@mlp"],
            cwd=checkout,
            env=team,
            stdout=log.open("w"),
            stderr=subprocess.STDOUT,
        )

        def newest() -> list:
            runs = trainings(client).get("mlp_65x2", [])[:1]
            return [run for run in runs if run.info.status == "RUNNING" and run.data.metrics]

        wait_until(newest, training, log)
        (before,) = newest()
    assert training.wait(600) == 0, log.read_text()  # without its server
    assert log.read_text().count(" did not log: training of mlp_65x2 (") == 1

    with mlflow_server(database, tmp_path, port):
        sync = [sys.executable, "-m", "src.tracking.sync"]
        both = [subprocess.Popen(sync, cwd=each, env=team) for each in (checkout, other)]
        assert [process.wait(300) for process in both] == [0, 0]
        found = trainings(client)
        (resumed,) = [run for run in found["mlp_65x2"] if run.info.run_id == before.info.run_id]
        assert resumed.info.status == "FINISHED"
        rows = client.get_metric_history(resumed.info.run_id, "train_learning_rate")
        assert len(rows) >= 1500
        assert {name: len(runs) for name, runs in found.items()} == {
            **dict.fromkeys(TRAINED, 1),
            "mlp_65x2": 2,
        }
        for name in {*TRAINED} - {"mlp_65x2"}:
            (run,) = found[name]
            assert {"loss", "val_accuracy", "test_accuracy"} <= set(run.data.metrics)
            assert run.info.artifact_uri.startswith("mlflow-artifacts:/")
            (model,) = run.outputs.model_outputs
            files = client.list_logged_model_artifacts(model.model_id, "data")
            assert [file.path for file in files] == ["data/model.keras"]
