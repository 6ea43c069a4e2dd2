"""Each test logs to a real MLflow store in a folder of its own."""

import shutil
import socket

import pytest

from src.tracking import store
from tests.servers import free_port, web_server
from tests.trainings import make_training


@pytest.fixture(scope="session")
def empty_store(tmp_path_factory):
    """A store that was made once: making one takes seconds."""
    path = tmp_path_factory.mktemp("store") / "mlflow.db"
    store.connect(f"sqlite:///{path}")
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


@pytest.fixture
def refusing():
    return f"http://someone:secret@127.0.0.1:{free_port()}"


@pytest.fixture
def mute():
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"http://someone:secret@127.0.0.1:{server.getsockname()[1]}"


@pytest.fixture
def failing():
    def answer(handler):
        handler.send_response(200 if handler.path == "/health" else 503)
        handler.end_headers()

    with web_server(answer, answer) as address:
        yield f"{address.replace('//', '//someone:secret@')}/?password=secret"


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
