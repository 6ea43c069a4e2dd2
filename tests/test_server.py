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


@pytest.fixture(scope="module")
def checkout(tmp_path_factory, new_checkout, shell, edit_params, refused_url) -> Path:
    """A checkout without MNIST, preprocessed and planned."""
    checkout = new_checkout(tmp_path_factory.mktemp("team") / "checkout")
    edit_params(
        checkout,
        model=["mlp_65x2", "mlp_200"],
        models__mlp_200__steps=20,
        data__folders=["data/incoming"],
        data__mirrors=[refused_url()],
    )
    shell(["git", "commit", "-qam", "Short trainings"], checkout)
    shell(["dvc", "repro", "-q", "preprocess"], checkout)
    return checkout


def trainings(client) -> dict[str, list]:
    """The runs of trainings, by recipe."""
    ids = [each.experiment_id for each in client.search_experiments()]
    found: dict[str, list] = {}
    for run in client.search_runs(ids):
        if "recipe" in run.data.tags:
            found.setdefault(run.info.run_name, []).append(run)
    return found


def test_two_experiments_at_once_are_both_logged(
    database, checkout, tmp_path, environment, mlflow_server
):
    from mlflow import MlflowClient

    with mlflow_server(database, tmp_path) as address:
        both = [
            subprocess.Popen(
                ["dvc", "exp", "run", "--temp", "-n", f"of-{name}", "-S", f"model={name}"],
                cwd=checkout,
                env=environment | {"MLFLOW_TRACKING_URI": address},
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
            )
            for name in ("mlp_65x2", "mlp_200")
        ]
        outputs = [process.communicate(timeout=600)[0] for process in both]
        assert [process.returncode for process in both] == [0, 0], outputs
        assert "warning" not in "".join(outputs)
        client = MlflowClient(address)
        found = trainings(client)
        assert sorted(found) == ["mlp_200", "mlp_65x2"]
        for name, (run,) in found.items():
            assert run.info.status == "FINISHED"
            assert run.data.tags["dvc_exp"] == f"of-{name}"
            assert {"loss", "val_accuracy", "test_accuracy"} <= set(run.data.metrics)
            assert run.info.artifact_uri.startswith("mlflow-artifacts:/")
            (model,) = run.outputs.model_outputs
            model_files = client.list_logged_model_artifacts(model.model_id, "data")
            assert [file.path for file in model_files] == ["data/model.keras"]
    assert not (checkout / "mlflow.db").exists()


def test_a_server_that_stops_during_a_training_loses_nothing(
    database, checkout, tmp_path, environment, shell, edit_params, free_port, mlflow_server
):
    from mlflow import MlflowClient

    port, log = free_port(), tmp_path / "training.log"
    edit_params(checkout, model="mlp_65x2", models__mlp_65x2__epochs=1500)
    shell(["dvc", "repro", "-q", "plan"], checkout)
    address = f"http://127.0.0.1:{port}"
    with mlflow_server(database, tmp_path, port):
        client = MlflowClient(address)
        training = subprocess.Popen(
            ["dvc", "repro", "-s", "train@mlp"],
            cwd=checkout,
            env=environment | {"MLFLOW_TRACKING_URI": address},
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

    sync = [sys.executable, "-m", "src.tracking.sync"]
    with mlflow_server(database, tmp_path, port):
        shell(sync, checkout, MLFLOW_TRACKING_URI=address)
        run = trainings(client)["mlp_65x2"][0]
        assert (run.info.run_id, run.info.status) == (before.info.run_id, "FINISHED")
        assert len(client.get_metric_history(run.info.run_id, "train_learning_rate")) >= 1500
