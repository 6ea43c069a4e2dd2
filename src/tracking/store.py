"""The MLflow store: its address, a client of it, and the experiment of a dataset."""

import logging
import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from functools import cache
from pathlib import Path
from threading import Thread
from typing import Any

from filelock import BaseFileLock, FileLock

from src.common.imports import lean_import
from src.common.paths import main_checkout
from src.tracking import mlflow_internals
from src.tracking.description import NOTE, experiment_note

SETTINGS = {  # unless the user's environment sets them
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "10",  # seconds; MLflow's 120, with 7 retries, take minutes
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_SYSTEM_METRICS_SAMPLING_INTERVAL": "0.5",  # seconds
    "MLFLOW_SYSTEM_METRICS_SAMPLES_BEFORE_LOGGING": "2",
}
CHECK = {"MLFLOW_HTTP_REQUEST_TIMEOUT": "5", "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0"}
RESPONSE_SECONDS = 8  # for the first response of a server or database
SQLITE = "sqlite:///"
DATABASES = (SQLITE, "postgresql", "mysql", "mssql")


def store_uri() -> str:
    """The address in MLFLOW_TRACKING_URI, or the database of the main checkout."""
    return os.environ.get("MLFLOW_TRACKING_URI") or f"{SQLITE}{main_checkout() / 'mlflow.db'}"


def lock(uri: str) -> BaseFileLock:
    """A lock for the processes of this machine: MLflow has no transactions of several requests."""
    return FileLock(f"{_sqlite_path(uri) or main_checkout() / 'mlflow.db'}.lock", timeout=60)


@cache
def connect(uri: str) -> Any:
    """A client of the store at ``uri``, which is created if necessary.

    Raises:
        Exception: the store does not respond in time or cannot be written; many types.
    """
    environment = SETTINGS | os.environ
    os.environ.update(environment)
    with lean_import():  # here, because it takes seconds and reads these settings
        import mlflow

        logging.getLogger("mlflow").setLevel(logging.CRITICAL)  # it logs what it also raises
        mlflow_internals.limit_database_retries()
        path = _sqlite_path(uri)
        if path is None:
            if uri.startswith(DATABASES):
                within(RESPONSE_SECONDS, lambda: _ask_database(uri))
                return mlflow.MlflowClient(uri)
            client = mlflow.MlflowClient(uri)
            os.environ.update(CHECK)
            try:
                within(RESPONSE_SECONDS, lambda: client.search_experiments(max_results=1))
            finally:
                os.environ.update({name: environment[name] for name in CHECK})
            return client
        with lock(uri):  # MLflow creates a store without a lock
            with closing(sqlite3.connect(path, timeout=5)) as probe:
                probe.execute("BEGIN IMMEDIATE")  # fails if the database cannot be written
            client = mlflow.MlflowClient(f"{SQLITE}{path}")
            if path == main_checkout() / "mlflow.db":
                mlflow_internals.move_artifacts(path, artifacts())
        return client


def within(seconds: float, action: Callable[[], object]) -> None:
    """Call ``action`` in another thread.

    Raises:
        TimeoutError: it did not return in this time; a driver may wait for minutes.
        Exception: what it raises.
    """
    failures: list[Exception] = []

    def run() -> None:
        try:
            action()
        except Exception as error:
            failures.append(error)

    thread = Thread(target=run, daemon=True)  # does not delay the end of the process
    thread.start()
    thread.join(seconds)
    if failures:
        raise failures[0]
    if thread.is_alive():
        raise TimeoutError(f"no response within {seconds} s")


def _ask_database(uri: str) -> None:
    import sqlalchemy

    engine = sqlalchemy.create_engine(uri, poolclass=sqlalchemy.NullPool)
    with engine.connect() as connection:
        connection.execute(sqlalchemy.text("SELECT 1"))


def experiment_id(client: Any, dataset: dict[str, Any]) -> str:
    """The id of the experiment of a ``dataset.json``, which is created if necessary."""
    from mlflow.exceptions import MlflowException

    is_fallback = f" (fallback for {dataset['requested']})" if dataset["is_fallback"] else ""
    name = dataset["name"] + is_fallback
    # A server decides where artifacts are. With a database alone, MLflow would put them in the
    # working directory, which for a queued experiment is a temporary copy of the checkout.
    location = artifacts() if client.tracking_uri.startswith(DATABASES) else None
    if not (found := client.get_experiment_by_name(name)):
        try:
            client.create_experiment(name, location)
        except MlflowException:
            if not client.get_experiment_by_name(name):  # if there is one, another process made it
                raise
        found = client.get_experiment_by_name(name)
    elif found.lifecycle_stage == "deleted":  # its name cannot be used for another one
        client.restore_experiment(found.experiment_id)
        print(f"MLflow: restored the deleted experiment {name}, because it has new results")
    _describe(client, found)
    return found.experiment_id


def _describe(client: Any, experiment: Any) -> None:
    """Set the tags of an experiment that are missing: its description, and what the UI shows."""
    note = experiment_note(f"#{mlflow_internals.runs_page(experiment.experiment_id)}")
    tags = {NOTE: note, **mlflow_internals.EXPERIMENT_TAGS}
    missing = {key: tags[key] for key in tags.keys() - experiment.tags.keys()}
    for key, value in missing.items():
        client.set_experiment_tag(experiment.experiment_id, key, value)
    if missing and client.tracking_uri.startswith(SQLITE):  # a server can have other users
        _delete_default(client)


def _delete_default(client: Any) -> None:
    """Delete the experiment that MLflow adds to each new store, if it is empty."""
    default = client.get_experiment_by_name("Default")
    if default and default.lifecycle_stage == "active":
        found = [default.experiment_id]
        if not (client.search_runs(found) or client.search_logged_models(found)):
            client.delete_experiment(default.experiment_id)


def _sqlite_path(uri: str) -> Path | None:
    """The file of an SQLite store; a relative path is relative to the main checkout."""
    return main_checkout() / uri.removeprefix(SQLITE) if uri.startswith(SQLITE) else None


def artifacts() -> str:
    """The address of the folder for the artifacts of this checkout."""
    return (main_checkout() / "mlruns").as_uri()
