"""Each test logs to its own real MLflow store."""

import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from src.models.artifacts import load_record
from src.tracking import notes, store
from tests.fixtures.trainings import ENVIRONMENT, ROW, SECONDS

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="session")
def empty_store(tmp_path_factory):
    """An empty store, to be copied: MLflow takes seconds to create one."""
    path = tmp_path_factory.mktemp("store") / "mlflow.db"
    store.connect(f"sqlite:///{path}")
    return path


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    """The main checkout, with a space in its path; the working directory is a copy of it."""
    root = tmp_path / "main checkout"
    root.mkdir()
    (tmp_path / "copy").mkdir()
    monkeypatch.chdir(tmp_path / "copy")
    monkeypatch.setenv("DVC_ROOT", str(root))
    for name in ("MLFLOW_TRACKING_URI", "DVC_EXP_NAME", "DVC_EXP_BASELINE_REV", "DVC_STAGE"):
        monkeypatch.setenv(name, "")
    notes.commit.cache_clear()
    return root


@pytest.fixture
def client(checkout, empty_store):
    from mlflow import MlflowClient

    shutil.copyfile(empty_store, checkout / "mlflow.db")
    return MlflowClient(f"sqlite:///{checkout / 'mlflow.db'}")


@pytest.fixture
def folder(checkout, tmp_path, make_training, model_file):
    """A training in the working directory."""
    return make_training(tmp_path / "copy/models/cnn/cnn", model_file)


@pytest.fixture
def record(folder):
    """Its ``training.json``."""
    return load_record(folder)


@pytest.fixture
def results(folder, make_evaluation, make_comparison):
    """The results of all stages in the working directory."""
    make_evaluation({"cnn": 0.91})
    make_comparison()


@pytest.fixture
def refusing(free_port):
    return f"http://someone:secret@127.0.0.1:{free_port()}"


@pytest.fixture
def mute():
    """The address of a database that never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"postgresql://someone:secret@127.0.0.1:{server.getsockname()[1]}/mlflow"


@pytest.fixture
def garbage(tmp_path):
    path = tmp_path / "garbage.db"
    path.write_text("not a database, " * 100)
    return f"sqlite:///{path}"


@pytest.fixture
def stage(checkout, folder, run_config):
    """Start a process that logs as the train stage does, with ``code`` in place of training."""

    def run(code: str = "pass", most_seconds: float = 60) -> subprocess.Popen:
        lines = (
            "import contextlib, pathlib, time",
            "from src.models.artifacts import load_record",
            "from src.tracking import live, store",
            f"live.START_SECONDS, live.WAIT_SECONDS = 0, {most_seconds}",
            "with contextlib.closing(live.LiveLogger()) as log:",
            f"    log.begin({run_config(folder)!r}, {ENVIRONMENT}, False)",
            f"    log.row({ROW})",
            f"    {code}",
            f"    log.end(load_record(pathlib.Path({str(folder)!r})), {SECONDS})",
        )
        return subprocess.Popen(
            [sys.executable, "-c", "\n".join(lines)],
            env=os.environ | {"PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    return run
