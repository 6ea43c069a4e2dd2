"""MLflow, known to this module only: a run for each training, with its test figures.

The record is in files; MLflow is where people look. So nothing here raises: what a store does not
take costs a few seconds and one line of warning, never a training.

MLflow takes seconds to import and to open its store. So stages log by a process beside them,
``python -m src.tracking``, which does both while the stage is busy.
"""

import getpass
import json
import logging
import os
import re
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any, Protocol

from src.imports import lean_import
from src.paths import PROCESSED, main_checkout
from src.trained import HISTORY, MODEL, RECORD, load_history, load_record

CURVES = ("loss", "validation_loss", "validation_accuracy", "learning_rate")
VIEW = {  # of the runs, best first: MLflow's own columns leave out the metrics
    "orderByKey": "metrics.`test_accuracy`",
    "orderByAsc": False,
    "selectedColumns": [
        "metrics.`test_accuracy`",
        "metrics.`validation_accuracy`",
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
Training = dict[str, Any]  # the content of training.json


class Log(Protocol):
    """What logs by another process: at once, as far as the caller sees."""

    def __call__(self, what: str, folder: Path, **details: Any) -> None:
        """Log a ``training``, or its ``evaluation``, with the arguments of the function below."""


@contextmanager
def beside() -> Iterator[Log]:
    """Log by a process beside this one; the end of the block waits until all is logged."""
    # In a group of its own, Ctrl-C is not its concern; without a caller, its input ends.
    command = [sys.executable, "-m", "src.tracking"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, text=True, process_group=0) as process:

        def log(what: str, folder: Path, **details: Any) -> None:
            with suppress(BrokenPipeError):  # told below
                print(json.dumps([what, str(folder), details]), file=process.stdin, flush=True)

        try:
            yield log
        except BaseException:
            process.terminate()
            raise
    if process.returncode:
        print("warning: not all is logged in MLflow; nothing else is lost", file=sys.stderr)


def main() -> None:
    """Log what comes as lines of JSON on standard input, as ``beside`` sends it."""
    warnings.simplefilter("ignore")  # MLflow's, to those who write programs with it
    with suppress(Exception):  # it fails again, and is told, when there is something to log
        _connect(_store())
    for line in sys.stdin:
        what, folder, details = json.loads(line)
        {"training": log_training, "evaluation": log_evaluation}[what](Path(folder), **details)


def log_training(folder: Path, *, restored: bool = False) -> None:
    """Log a training as one finished run, its model included.

    Args:
        folder: the recipe's folder under ``models/``, as the train stage left it.
        restored: whether it comes from DVC's cache or a remote; the run is then tagged so.
    """
    _attempt(folder, "training", lambda client, training: _run(client, folder, training, restored))


def log_evaluation(folder: Path, metrics: dict[str, float], pictures: list[str]) -> None:
    """Add test figures to the run that trained the weights; calling it again adds nothing.

    A store without that run gets it first, as restored.

    Args:
        folder: the recipe's folder under ``models/``, as the train stage left it.
        metrics: the figures by the name they get in MLflow, such as ``test_accuracy``.
        pictures: image files for the artifact folder ``evaluation`` of the run.
    """

    def log(client, training: Training) -> None:
        from mlflow.entities import Metric

        run = _find(client, training) or _run(client, folder, training, restored=True)
        new = {k: v for k, v in metrics.items() if run.data.metrics.get(k) != v}
        models = run.outputs.model_outputs if run.outputs else []
        model_id = models[0].model_id if models else None
        now, step = int(1000 * time.time()), 0  # not the last: MLflow draws bars for step 0 only
        client.log_batch(
            run.info.run_id, [Metric(k, v, now, step, model_id) for k, v in new.items()]
        )
        for picture in pictures:
            client.log_artifact(run.info.run_id, picture, "evaluation")

    _attempt(folder, "test figures", log)


def _attempt(folder: Path, what: str, log: Callable[[Any, Training], Any]) -> None:
    """Let ``log`` log to the store; a failure, of whatever kind, is one line on standard error."""
    training, uri = load_record(folder), _store()
    try:
        log(_connect(uri), training)
    except Exception as error:
        while cause := error.__cause__ or error.__context__:
            error = cause  # the innermost says it shortest: "Connection refused"
        why = " ".join(f"{type(error).__name__}: {error}".split())[:200]
        line = f"warning: not logged in MLflow: {what} of {training['name']}, to {uri} ({why}); "
        line += "nothing else is lost"
        # a password stands before the host, or in the query
        print(re.sub(r"(?<=://)[^/\s]*(?=@)|(?<=\?)[^\s()'\"]+", "***", line), file=sys.stderr)


def _store() -> str:
    return os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{main_checkout() / 'mlflow.db'}"


@cache
def _connect(uri: str):
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
            return mlflow.MlflowClient(f"sqlite:///{path}")
    if uri.startswith(("http://", "https://")):
        from mlflow.utils.credentials import get_default_host_creds
        from mlflow.utils.rest_utils import http_request

        host = get_default_host_creds(uri)  # with the user's tokens and certificates
        http_request(host, "/health", "GET", timeout=3, max_retries=0, raise_on_status=False)
    return mlflow.MlflowClient(uri)


def _experiment(client, dataset: dict[str, Any]) -> str:
    """The id of the dataset's experiment, which is made if need be."""
    from mlflow.exceptions import MlflowException
    from mlflow.store.db.db_types import DATABASE_ENGINES

    stand_in = f" (stand-in for {dataset['requested']})" if dataset["stand_in"] else ""
    name = dataset["name"] + stand_in
    if found := client.get_experiment_by_name(name):
        return found.experiment_id
    # A server knows where to keep artifacts. With a mere database MLflow would keep them in the
    # working directory, which for a queued experiment is a copy of the checkout that DVC deletes.
    mere = client.tracking_uri.startswith(tuple(DATABASE_ENGINES))
    location = (main_checkout() / "mlruns").as_uri() if mere else None
    view = {"mlflow.sharedViewState.recipes": json.dumps(VIEW)}  # ?viewStateShareKey=recipes
    try:
        return client.create_experiment(name, location, view)
    except MlflowException:
        if found := client.get_experiment_by_name(name):  # another process was quicker
            return found.experiment_id
        raise


def _find(client, training: Training):
    """The newest whole run that trained these weights, or None."""
    wanted = f"tags.recipe = '{training['name']}' and attributes.status = 'FINISHED'"
    wanted += f" and tags.weights_sha256 = '{training['weights_sha256']}'"
    experiment, newest = _experiment(client, training["dataset"]), ["attributes.end_time DESC"]
    return next(iter(client.search_runs([experiment], wanted, 1, 1, newest)), None)


def _run(client, folder: Path, training: Training, restored: bool):
    """Make the run of a training: whole, or not at all."""
    from mlflow.entities import Dataset, DatasetInput, InputTag, LoggedModelOutput, Param

    data = training["dataset"]
    recipe = {k: v for k, v in training["recipe"].items() if k != "published"}
    settings = recipe | {"train": training["train"], "parameters": training["parameters"]}
    params = dict(_flat(settings))
    dataset = Dataset(
        data["name"],
        data["digest"][:8],  # as short as MLflow's own; a tag has all of it
        "local",
        json.dumps({"uri": str(PROCESSED)}),
        profile=json.dumps(data["counts"]),
    )
    end = time.time()  # of a restored training too: its run is of now
    start = int(1000 * (end - training["seconds"]))
    experiment = _experiment(client, data)
    with ExitStack() as undo:
        run = client.create_run(experiment, start, _tags(training, restored), training["name"])
        run_id = run.info.run_id
        undo.callback(client.delete_run, run_id)
        model = client.create_logged_model(experiment, "model", run_id, params=params)
        undo.callback(client.delete_logged_model, model.model_id)
        curves = _curves(load_history(folder), end, model.model_id)
        client.log_batch(run_id, curves, [Param(*item) for item in params.items()])
        role = InputTag("mlflow.data.context", "training")
        client.log_inputs(run_id, [DatasetInput(dataset, [role])])
        for name in (RECORD, HISTORY):
            client.log_artifact(run_id, str(folder / name))
        _fill(client, model, folder, training)
        client.log_outputs(run_id, [LoggedModelOutput(model.model_id, training["steps"])])
        client.set_terminated(run_id, end_time=int(1000 * end))
        undo.pop_all()
    return client.get_run(run_id)


def _curves(rows: list[dict[str, float]], end: float, model_id: str) -> list[Any]:
    """The history as metrics, at the times its rows took; the last are the model's as well."""
    from mlflow.entities import Metric

    metrics, at = [], end - sum(row["seconds"] for row in rows)
    for row in rows:
        at += row["seconds"]
        place = int(1000 * at), int(row["step"]), model_id if row is rows[-1] else None
        metrics += [Metric(name, row[name], *place) for name in CURVES]
    return metrics


def _flat(settings: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Nested settings as MLflow's parameters: ``optimizer.kind``; lists as JSON."""
    for key, value in settings.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{key}.")
        elif value is not None:
            text = value if isinstance(value, str) else json.dumps(value)
            yield prefix + key, text[:6000]  # MLflow's limit


def _tags(training: Training, restored: bool) -> dict[str, str]:
    tags = {
        "recipe": training["name"],
        "recipe_sha256": training["recipe_sha256"],
        "weights_sha256": training["weights_sha256"],
        "dataset_digest": training["dataset"]["digest"],
        **{key: training[key] for key in ("device", "compile", "precision")},
        "restored": "true" if restored else None,
        "dvc_exp": os.environ.get("DVC_EXP_NAME"),
        "dvc_exp_baseline_rev": os.environ.get("DVC_EXP_BASELINE_REV"),
        "dvc_stage": os.environ.get("DVC_STAGE"),
        "mlflow.source.name": f"dvc.yaml:train@{training['name']}",  # `dvc repro` takes this
        "mlflow.source.type": "LOCAL",
    }
    with suppress(OSError, KeyError):  # no account name, no git
        tags["mlflow.user"] = getpass.getuser()
        git = ["git", "rev-parse", "--verify", "HEAD"]
        told = subprocess.run(git, capture_output=True, text=True, check=False)
        tags["mlflow.source.git.commit"] = told.stdout.strip()
    return {name: value for name, value in tags.items() if value}


def _fill(client, model, folder: Path, training: Training) -> None:
    """Do what ``mlflow.keras.log_model`` does, without loading TensorFlow and the model for it.

    The bytes that were trained are the bytes that are logged.
    """
    import mlflow.pyfunc
    import numpy as np
    from mlflow.models import Model, ModelSignature
    from mlflow.types import Schema, TensorSpec

    data, versions = training["dataset"], training["versions"] | {"mlflow": mlflow.__version__}
    images = TensorSpec(np.dtype("uint8"), (-1, data["height"], data["width"]))
    logits = TensorSpec(np.dtype("float32"), (-1, data["classes"]))
    description = Model(
        model.artifact_location,
        model.source_run_id,
        model_id=model.model_id,
        model_uuid=model.model_id,
        model_size_bytes=(folder / MODEL).stat().st_size,
    )
    description.add_flavor(
        "keras",
        data="data",
        keras_backend="tensorflow",
        keras_version=versions["keras"],
        save_exported_model=False,
    )
    with tempfile.TemporaryDirectory() as scratch:
        whole = Path(scratch, "model")
        mlflow.pyfunc.save_model(
            whole,
            loader_module="mlflow.keras",
            mlflow_model=description,
            signature=ModelSignature(Schema([images]), Schema([logits])),
            pip_requirements=[
                f"{name}=={versions[name]}" for name in ("mlflow", "tensorflow", "keras", "numpy")
            ],
        )
        (whole / "data").mkdir()
        shutil.copyfile(folder / MODEL, whole / "data" / "model.keras")
        client.log_model_artifacts(model.model_id, str(whole))
    client.finalize_logged_model(model.model_id, "READY")


if __name__ == "__main__":
    main()
