"""Each test logs to a real MLflow store in a folder of its own."""

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import numpy as np
import pytest

from src import tracking

HEIGHT, WIDTH, CLASSES = 6, 5, 3
DIGEST = "d1" * 32


@pytest.fixture(scope="module")
def model_file(tmp_path_factory):
    import keras

    path = tmp_path_factory.mktemp("model") / "model.keras"
    layers = [
        keras.Input((HEIGHT, WIDTH), dtype="uint8"),
        keras.layers.Rescaling(1 / 255),
        keras.layers.Flatten(),
        keras.layers.Dense(CLASSES),
    ]
    keras.Sequential(layers).save(path)
    return path


@pytest.fixture(scope="module")
def empty_store(tmp_path_factory):
    """A store that was made once: making one takes seconds."""
    path = tmp_path_factory.mktemp("store") / "mlflow.db"
    tracking._connect(f"sqlite:///{path}")
    return path


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    """The main checkout, with a blank in its path; the stage runs in a copy of it."""
    root = tmp_path / "main checkout"
    root.mkdir()
    (tmp_path / "copy").mkdir()
    monkeypatch.chdir(tmp_path / "copy")
    monkeypatch.setenv("DVC_ROOT", str(root))
    for name in ("MLFLOW_TRACKING_URI", "DVC_EXP_NAME", "DVC_EXP_BASELINE_REV", "DVC_STAGE"):
        monkeypatch.setenv(name, "")
    return root


@pytest.fixture
def client(checkout, empty_store):
    from mlflow import MlflowClient

    shutil.copyfile(empty_store, checkout / "mlflow.db")
    return MlflowClient(f"sqlite:///{checkout / 'mlflow.db'}")


@pytest.fixture
def folder(tmp_path, model_file):
    return make_training(tmp_path / "models/cnn", model_file)


def make_training(folder, model_file, *, stand_in=False):
    folder.mkdir(parents=True)
    shutil.copyfile(model_file, folder / "model.keras")
    (folder / "history.csv").write_text(
        "epoch,step,loss,validation_loss,validation_accuracy,learning_rate,seconds\n"
        "0.0,0,2.4,2.3,0.1,0.01,0.5\n"
        "1.0,430,0.5,0.4,0.8,0.01,2.0\n"
        "2.0,860,0.3,0.2,0.9,0.001,2.0\n"
    )
    training = {
        "name": folder.name,
        "recipe": {
            "family": "cnn",
            "filters": [32, 64],
            "optimizer": {"kind": "sgd", "learning_rate": 0.01},
            "schedule": None,
            "published": [{"figure": "test_accuracy", "values": [0.9]}],
        },
        "train": {"device": "auto", "seed": 1},
        "recipe_sha256": "ab" * 32,
        "dataset": {
            "name": "digits" if stand_in else "mnist",
            "requested": "mnist",
            "stand_in": stand_in,
            "height": HEIGHT,
            "width": WIDTH,
            "classes": CLASSES,
            "counts": {"train": 60, "validation": 10, "test": 10},
            "digest": DIGEST,
            "files": {},
        },
        "parameters": 93,
        "steps": 860,
        "epochs": 2.0,
        "seconds": 5.0,
        "validation_accuracy": 0.9,
        "validation_loss": 0.2,
        "weights_sha256": "cd" * 32,
        "device": "cpu",
        "compile": "xla",
        "precision": "float32",
        "versions": {
            "python": "3.11.0",
            "tensorflow": "2.21.0",
            "keras": "3.15.1",
            "numpy": "2.4.6",
        },
    }
    (folder / "training.json").write_text(json.dumps(training))
    return folder


def runs_of(client, experiment="mnist"):
    found = client.get_experiment_by_name(experiment)
    return client.search_runs([found.experiment_id]) if found else []


def test_a_training_is_one_run(client, checkout, folder, monkeypatch, capfd):
    monkeypatch.setenv("DVC_EXP_NAME", "bold-move")
    monkeypatch.setenv("DVC_STAGE", "train@cnn")
    git = ["git", "-c", "user.name=A", "-c", "user.email=a@example.org"]
    subprocess.run(["git", "init", "-q"], check=True)
    subprocess.run([*git, "commit", "-q", "--allow-empty", "-m", "empty"], check=True)
    commit = subprocess.check_output(["git", "rev-parse", "HEAD"], text=True).strip()
    before = time.time()

    tracking.log_training(folder)

    assert capfd.readouterr() == ("", "")
    (run,) = runs_of(client)
    assert (run.info.run_name, run.info.status) == ("cnn", "FINISHED")
    assert before <= run.info.end_time / 1000 + 0.01 <= time.time() + 0.01
    assert run.info.end_time - run.info.start_time == pytest.approx(5000, abs=2)
    assert run.data.params == {
        "family": "cnn",
        "filters": "[32, 64]",
        "optimizer.kind": "sgd",
        "optimizer.learning_rate": "0.01",
        "train.device": "auto",
        "train.seed": "1",
        "parameters": "93",
    }
    tags = {k: v for k, v in run.data.tags.items() if k not in ("mlflow.user", "mlflow.runName")}
    assert tags == {
        "recipe": "cnn",
        "recipe_sha256": "ab" * 32,
        "weights_sha256": "cd" * 32,
        "dataset_digest": DIGEST,
        "device": "cpu",
        "compile": "xla",
        "precision": "float32",
        "dvc_exp": "bold-move",
        "dvc_stage": "train@cnn",
        "mlflow.source.name": "dvc.yaml:train@cnn",
        "mlflow.source.type": "LOCAL",
        "mlflow.source.git.commit": commit,
    }
    assert run.data.metrics == {
        "loss": 0.3,
        "validation_loss": 0.2,
        "validation_accuracy": 0.9,
        "learning_rate": 0.001,
    }
    (logged,) = run.inputs.dataset_inputs
    assert (logged.dataset.name, logged.dataset.digest) == ("mnist", DIGEST[:8])
    files = {file.path for file in client.list_artifacts(run.info.run_id)}
    assert files == {"history.csv", "training.json"}
    assert Path(checkout, "mlruns", run.info.run_id, "artifacts", "history.csv").is_file()


def test_curves_have_the_steps_and_times_of_the_training(client, folder):
    tracking.log_training(folder)
    (run,) = runs_of(client)
    curve = client.get_metric_history(run.info.run_id, "validation_loss")
    assert [(point.step, point.value) for point in curve] == [(0, 2.3), (430, 0.4), (860, 0.2)]
    times = [point.timestamp for point in curve]
    assert np.diff(times) == pytest.approx([2000, 2000], abs=2)
    assert times[-1] == pytest.approx(run.info.end_time, abs=2)


def test_the_model_predicts_from_raw_images(client, folder, monkeypatch):
    import keras
    import mlflow

    tracking.log_training(folder)

    (run,) = runs_of(client)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", client.tracking_uri)
    model = mlflow.pyfunc.load_model(f"runs:/{run.info.run_id}/model")
    images = np.arange(4 * HEIGHT * WIDTH, dtype=np.uint8).reshape(4, HEIGHT, WIDTH)
    logits = model.predict(images)
    assert (logits.dtype, logits.shape) == (np.float32, (4, CLASSES))
    np.testing.assert_allclose(logits, keras.models.load_model(folder / "model.keras")(images))
    with pytest.raises(mlflow.MlflowException, match="schema"):
        model.predict(images.astype(np.float64))
    logged = Path(mlflow.artifacts.download_artifacts(model.metadata.get_model_info().model_uri))
    assert (logged / "data/model.keras").read_bytes() == (folder / "model.keras").read_bytes()
    pinned = (logged / "requirements.txt").read_text().split()
    assert pinned == [
        f"mlflow=={mlflow.__version__}",
        "tensorflow==2.21.0",
        "keras==3.15.1",
        "numpy==2.4.6",
    ]
    (page,) = client.search_logged_models([run.info.experiment_id])
    assert page.status == "READY"
    assert {m.key: m.value for m in page.metrics} == run.data.metrics


def test_a_stand_in_has_an_experiment_of_its_own(client, tmp_path, model_file):
    tracking.log_training(make_training(tmp_path / "models/mlp", model_file, stand_in=True))
    assert [r.info.run_name for r in runs_of(client, "digits (stand-in for mnist)")] == ["mlp"]
    assert client.get_experiment_by_name("digits") is None


def test_test_figures_join_the_run_that_trained_the_weights(client, folder, tmp_path, capfd):
    picture = tmp_path / "confusion.png"
    picture.write_bytes(b"png")
    figures = {"test_accuracy": 0.91, "test_loss": 0.3}
    tracking.log_training(folder)
    tracking.log_training(folder)  # trained again, to the same weights
    newest = runs_of(client)[0].info.run_id

    for _ in range(2):
        tracking.log_evaluation(folder, figures, [str(picture)])

    assert capfd.readouterr() == ("", "")
    run, older = runs_of(client)
    assert (run.info.run_id, run.info.status) == (newest, "FINISHED")
    assert figures.items() <= run.data.metrics.items()
    assert "test_accuracy" not in older.data.metrics
    assert len(client.get_metric_history(newest, "test_accuracy")) == 1
    files = [file.path for file in client.list_artifacts(newest, "evaluation")]
    assert files == ["evaluation/confusion.png"]


def test_changed_test_figures_replace_the_old(client, folder):
    for accuracy in (0.91, 0.89):
        tracking.log_evaluation(folder, {"test_accuracy": accuracy}, [])
    (run,) = runs_of(client)
    assert run.data.metrics["test_accuracy"] == 0.89


def test_a_store_without_the_run_gets_it_as_restored(client, folder):
    tracking.log_training(folder)
    client.delete_run(runs_of(client)[0].info.run_id)
    for _ in range(2):
        tracking.log_evaluation(folder, {"test_accuracy": 0.91}, [])
    (run,) = runs_of(client)
    assert run.data.tags["restored"] == "true"
    assert run.data.metrics["validation_accuracy"] == 0.9
    assert run.data.metrics["test_accuracy"] == 0.91


def test_half_a_run_is_not_kept(client, folder, capfd):
    (folder / "model.keras").unlink()
    tracking.log_training(folder)
    assert "training of cnn" in capfd.readouterr().err
    assert runs_of(client) == []
    experiment = client.get_experiment_by_name("mnist").experiment_id
    assert client.search_logged_models([experiment]) == []


@pytest.fixture
def refusing():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"http://someone:secret@127.0.0.1:{free.getsockname()[1]}"


@pytest.fixture
def mute():
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"http://someone:secret@127.0.0.1:{server.getsockname()[1]}"


@pytest.fixture
def failing():
    class Failing(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200 if self.path == "/health" else 503)
            self.end_headers()

        do_POST = do_GET

        def log_message(self, *args):
            pass

    with HTTPServer(("127.0.0.1", 0), Failing) as server:
        threading.Thread(target=server.serve_forever).start()
        yield f"http://someone:secret@127.0.0.1:{server.server_port}/?password=secret"
        server.shutdown()


@pytest.fixture
def folder_as_store(tmp_path):
    return f"sqlite:///{tmp_path}"


@pytest.fixture
def garbage(tmp_path):
    path = tmp_path / "garbage.db"
    path.write_text("no database, " * 100)
    return f"sqlite:///{path}"


@pytest.fixture
def locked(empty_store, tmp_path):
    import sqlite3

    path = shutil.copyfile(empty_store, tmp_path / "locked.db")
    with sqlite3.connect(path) as other:
        other.execute("BEGIN EXCLUSIVE")
        yield f"sqlite:///{path}"


@pytest.fixture
def file_store(tmp_path):
    return (tmp_path / "mlruns").as_uri()


@pytest.mark.parametrize(
    ("store", "why"),
    [
        ("refusing", "Connection refused"),
        ("mute", "timed out"),
        ("failing", "503"),
        ("folder_as_store", "unable to open"),
        ("garbage", "not a database"),
        ("locked", "locked"),
        ("file_store", "file"),
    ],
)
def test_a_store_that_fails_costs_a_warning(
    request, checkout, folder, monkeypatch, capfd, store, why
):
    uri = request.getfixturevalue(store)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    begin = time.monotonic()

    tracking.log_training(folder)

    assert time.monotonic() - begin < 10
    out, err = capfd.readouterr()
    assert out == ""
    (line,) = err.splitlines()
    assert line.startswith("warning: not logged in MLflow: training of cnn, to ")
    assert re.sub(r"//.*@", "//***@", uri).split("?")[0] in line
    assert why in line
    assert "secret" not in line


def test_test_figures_that_are_not_logged_are_named(checkout, folder, refusing, monkeypatch, capfd):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", refusing)
    tracking.log_evaluation(folder, {"test_accuracy": 0.9}, [])
    (line,) = capfd.readouterr().err.splitlines()
    assert line.startswith("warning: not logged in MLflow: test figures of cnn, to ")


@pytest.fixture
def stage(checkout, folder):
    """A process that logs as a stage does, and then does what it is told."""

    def run(code: str = "", uri: str = "") -> subprocess.Popen:
        lines = (
            "import os, pathlib, sys, time",
            "from src import tracking",
            "with tracking.beside() as log:",
            f"    log('training', pathlib.Path({str(folder)!r}))",
            f"    {code or 'pass'}",
        )
        environment = os.environ | {
            "PYTHONPATH": str(Path(tracking.__file__).parents[1]),
            "MLFLOW_TRACKING_URI": uri,
        }
        return subprocess.Popen(
            [sys.executable, "-c", "\n".join(lines)],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    return run


def test_two_trainings_at_once_make_one_store(checkout, stage):
    both = [stage(), stage()]
    assert [process.communicate()[0] for process in both] == ["", ""]

    from mlflow import MlflowClient

    client = MlflowClient(f"sqlite:///{checkout / 'mlflow.db'}")
    assert [run.info.status for run in runs_of(client)] == ["FINISHED", "FINISHED"]
    assert not (Path.cwd() / "mlruns").exists()


def test_logging_needs_no_tensorflow(client, folder):
    code = (
        "import pathlib, sys; from src import tracking\n"
        "tracking.log_training(pathlib.Path(sys.argv[1])); print('tensorflow' in sys.modules)"
    )
    environment = os.environ | {"PYTHONPATH": str(Path(tracking.__file__).parents[1])}
    command = [sys.executable, "-c", code, str(folder)]
    assert subprocess.check_output(command, env=environment, text=True) == "False\n"
    assert len(runs_of(client)) == 1


def test_a_stage_that_fails_ends_with_its_own_sentence(stage, mute):
    process = stage("sys.exit('error: a sentence')", uri=mute)
    assert process.communicate()[0] == "error: a sentence\n"
    assert process.returncode == 1


def test_a_logging_process_that_dies_is_a_warning(stage):
    process = stage("import signal; os.system(f'pkill -9 -P {os.getpid()} -f src.tracking')")
    told = process.communicate()[0]
    assert told == "warning: not all is logged in MLflow; nothing else is lost\n"
    assert process.returncode == 0


def test_a_stage_that_is_killed_leaves_no_process(stage):
    process = stage("time.sleep(60)")
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    deadline = time.monotonic() + 30
    while not (child := children.read_text().strip()) and time.monotonic() < deadline:
        time.sleep(0.05)
    process.kill()
    assert child
    process.communicate(timeout=30)  # the end of its output: no process has it open
