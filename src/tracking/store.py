"""The MLflow store: where it is, a client of it, and the experiment of a dataset."""

import json
import logging
import os
import re
import sqlite3
from contextlib import closing
from functools import cache
from pathlib import Path
from typing import Any

from src.common.imports import lean_import
from src.common.paths import main_checkout

VIEW = {  # of the runs, best first: MLflow's own columns leave out the metrics
    "orderByKey": "metrics.`test_accuracy`",
    "orderByAsc": False,
    "selectedColumns": [
        "metrics.`test_accuracy`",
        "metrics.`val_accuracy`",
        "params.`parameters`",
        "tags.`dvc_exp`",
        "attributes.`Models`",
    ],
}
SETTINGS = {  # where the user's environment says nothing
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "10",  # seconds; MLflow's 120, with 7 retries, are minutes
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
}


def store_uri() -> str:
    """The address that MLFLOW_TRACKING_URI names, or the main checkout's own database."""
    return os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{main_checkout() / 'mlflow.db'}"


def without_secrets(text: str) -> str:
    """The text with *** for passwords, which stand before a host, or in a query."""
    return re.sub(r"(?<=://)[^/\s]*(?=@)|(?<=\?)[^\s()'\"]+", "***", text)


@cache
def connect(uri: str):
    """A client of the store at ``uri``, which is made if need be and known to answer."""
    for name, value in SETTINGS.items():
        os.environ.setdefault(name, value)
    with lean_import():  # here, as it takes seconds and reads these settings
        import mlflow
        import mlflow.store.db.utils as databases
        import mlflow.store.tracking.sqlalchemy_store

    logging.getLogger("mlflow").setLevel(logging.CRITICAL)  # it logs tracebacks of what it raises
    databases.MAX_RETRY_COUNT = 2  # its 10 attempts at a database that refuses take 100 seconds
    if uri.startswith("sqlite:///"):
        from filelock import FileLock

        path = main_checkout() / uri.removeprefix("sqlite:///")  # also from DVC's copies of it
        # MLflow makes a new store without a lock: of two trainings at once, one would fail.
        with FileLock(f"{path}.lock", timeout=30):
            with closing(sqlite3.connect(path, timeout=5)) as probe:
                probe.execute("BEGIN IMMEDIATE")  # whether it can be written
            client = mlflow.MlflowClient(f"sqlite:///{path}")
            if path == main_checkout() / "mlflow.db":
                _follow(path)
            return client
    if uri.startswith(("http://", "https://")):
        from mlflow.utils.credentials import get_default_host_creds
        from mlflow.utils.rest_utils import http_request

        host = get_default_host_creds(uri)  # with the user's tokens and certificates
        http_request(host, "/health", "GET", timeout=3, max_retries=0, raise_on_status=False)
    return mlflow.MlflowClient(uri)


def _follow(path: Path) -> None:
    """Let a store that was moved with its checkout name the artifacts where they are now.

    MLflow keeps whole addresses, and has no command to change them.
    """
    here = _artifacts()
    with closing(sqlite3.connect(path, timeout=5)) as store, store:
        found = store.execute("SELECT DISTINCT artifact_location FROM experiments").fetchall()
        for (there,) in found:
            if there == here or not there.startswith("file:") or not there.endswith("/mlruns"):
                continue
            for table, column in (
                ("experiments", "artifact_location"),
                ("runs", "artifact_uri"),
                ("logged_models", "artifact_location"),
                ("model_versions", "source"),
                ("model_versions", "storage_location"),
            ):
                store.execute(
                    f"UPDATE {table} SET {column} = ? || substr({column}, ?) "  # nosec B608
                    f"WHERE substr({column}, 1, ?) = ?",
                    (here, len(there) + 1, len(there), there),
                )


def _artifacts() -> str:
    return (main_checkout() / "mlruns").as_uri()


def experiment_id(client, dataset: dict[str, Any]) -> str:
    """The id of the dataset's experiment, which is made if need be."""
    from mlflow.exceptions import MlflowException
    from mlflow.store.db.db_types import DATABASE_ENGINES

    is_fallback = f" (fallback for {dataset['requested']})" if dataset["is_fallback"] else ""
    name = dataset["name"] + is_fallback
    if found := client.get_experiment_by_name(name):
        return found.experiment_id
    # A server knows where to keep artifacts. With a mere database MLflow would keep them in the
    # working directory, which for a queued experiment is a copy of the checkout that DVC deletes.
    mere = client.tracking_uri.startswith(tuple(DATABASE_ENGINES))
    location = _artifacts() if mere else None
    view = {"mlflow.sharedViewState.recipes": json.dumps(VIEW)}  # ?viewStateShareKey=recipes
    try:
        return client.create_experiment(name, location, view)
    except MlflowException:
        if found := client.get_experiment_by_name(name):  # another process was quicker
            return found.experiment_id
        raise
