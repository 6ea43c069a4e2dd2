"""The MLflow store: its address, a client of it, and the experiment of a dataset."""

import json
import logging
import os
import traceback
import warnings
from contextlib import suppress
from functools import cache
from pathlib import Path
from threading import Thread
from typing import Any

from filelock import BaseFileLock, FileLock

from src.common.errors import PipelineError
from src.common.machine import lean_import
from src.common.messages import clean, root_cause, warn
from src.common.paths import LOGS, main_checkout

SETTINGS = {  # unless the user's environment sets them
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "20",  # seconds; MLflow's 120, with 7 retries, take minutes
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
    "PGCONNECT_TIMEOUT": "8",  # of PostgreSQL, in seconds
}
ERRORS = LOGS / "mlflow-errors.log"  # in the main checkout
SQLITE = "sqlite:///"
NO_PROXY = "localhost,127.0.0.1"  # a proxy cannot reach a server on this machine
DATABASES = (SQLITE, "postgresql", "mysql", "mssql")
DESCRIPTION_TAG = "mlflow.note.content"  # which MLflow shows as the description
MAX_TEXT = 5000  # characters: MLflow's limit for a tag; that for a parameter is not lower

# The columns of the view "Results" in the menu "Views" of the page of runs.
COLUMNS = (
    *("metrics.`val_accuracy`", "metrics.`test_accuracy`", "tags.`changes`"),
    *("params.`epochs`", "params.`optimizer.learning_rate`"),
    *("attributes.`Dataset`", "attributes.`Models`"),
)
VIEW = {"orderByKey": COLUMNS[0], "orderByAsc": False, "selectedColumns": COLUMNS}
EXPERIMENT_TAGS = {
    "mlflow.sharedViewState.results": json.dumps(
        {"name": "Results", "createdAt": 0, "updatedAt": 0, "state": json.dumps(VIEW)}
    ),
    "mlflow.experimentKind": "custom_model_development",
    DESCRIPTION_TAG: "Each run is a training of a recipe. `make sync` logs runs that are missing.",
}


def store_uri() -> str:
    """The address in MLFLOW_TRACKING_URI, or the database of the main checkout."""
    return os.environ.get("MLFLOW_TRACKING_URI") or f"{SQLITE}{main_checkout() / 'mlflow.db'}"


def sqlite_path(uri: str) -> Path | None:
    """The file of an SQLite store; a relative path is relative to the main checkout."""
    return main_checkout() / uri.removeprefix(SQLITE) if uri.startswith(SQLITE) else None


def artifacts() -> str:
    """The address of the folder for the artifacts of this checkout."""
    return (main_checkout() / "mlruns").as_uri()


def lock(uri: str) -> BaseFileLock:
    """A lock for the processes of this machine: MLflow has no transactions of several requests."""
    return FileLock(f"{sqlite_path(uri) or main_checkout() / 'mlflow.db'}.lock", timeout=60)


@cache
def connect(uri: str) -> Any:
    """A client of the store at ``uri``, which is created if necessary.

    Raises:
        Exception: the store does not respond in time or cannot be written; many types.
    """
    others = os.environ.get("no_proxy") or os.environ.get("NO_PROXY", "")
    direct = dict.fromkeys(("no_proxy", "NO_PROXY"), f"{NO_PROXY},{others}")
    os.environ.update(SETTINGS | os.environ | direct)
    with lean_import():  # here, because it takes seconds and reads these settings
        import mlflow

    # It logs what it also raises, and its warnings address developers.
    logging.getLogger("mlflow").setLevel(logging.CRITICAL)
    warnings.filterwarnings("ignore", module="mlflow")
    path = sqlite_path(uri)
    uri = f"{SQLITE}{path}" if path else uri
    with lock(uri):  # MLflow creates a store without a lock
        if uri.startswith(DATABASES):
            import sqlalchemy

            engine = sqlalchemy.create_engine(uri, poolclass=sqlalchemy.NullPool)
            with engine.connect() as probe:  # MLflow tries for minutes to connect, or to write
                if path:
                    probe.exec_driver_sql("BEGIN IMMEDIATE")
        return mlflow.MlflowClient(uri)


def experiment_id(client: Any, dataset: dict[str, Any]) -> str:
    """The id of the experiment of a ``dataset.json``, which is created if necessary."""
    suffix = f" (fallback for {dataset['requested']})" if dataset["is_fallback"] else ""
    name = dataset["name"] + suffix
    found = client.get_experiment_by_name(name)
    if found is None:
        # A server decides where artifacts are. With a database alone, MLflow would put them in the
        # working directory, which for a queued experiment is a temporary copy of the checkout.
        location = artifacts() if client.tracking_uri.startswith(DATABASES) else None
        return str(client.create_experiment(name, location, EXPERIMENT_TAGS))
    here = sqlite_path(client.tracking_uri) == main_checkout() / "mlflow.db"
    if here and found.artifact_location != artifacts():  # MLflow stores absolute addresses
        raise PipelineError("this checkout was moved; delete mlflow.db and run `make sync`")
    if found.lifecycle_stage == "deleted":  # its name cannot be used for another one
        client.restore_experiment(found.experiment_id)
    return str(found.experiment_id)


def wait(thread: Thread, seconds: float) -> None:
    """Wait for a daemon thread that logs, and warn if it has not ended."""
    thread.join(seconds)
    if thread.is_alive():
        warn(
            f"logging to MLflow at {store_uri()} took longer than {seconds} s; `make sync` logs "
            "what is missing; no other result is affected"
        )


def warn_failed(items: str, error: BaseException) -> None:
    """Print the warning about what is not logged, and write the traceback to ``ERRORS``."""
    with suppress(OSError):
        path = main_checkout() / ERRORS
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(clean("".join(traceback.format_exception(error))), "utf-8")
    warn(
        f"MLflow at {store_uri()} did not log: {items} ({root_cause(error)}); details in "
        f"{ERRORS}; `make sync` logs what is missing; no other result is affected"
    )
