"""Writes the MLflow run of a training, and its model, which ``mlflow.pyfunc`` loads."""

import json
from collections.abc import Sequence
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from src.common.paths import PROCESSED
from src.models.artifacts import HISTORY, MODEL, RECORD, load_history, load_record
from src.models.record import Environment, Record, RunConfig
from src.tracking.description import WEIGHTS, environment_tags, run_tags
from src.tracking.origin import Origin, flat
from src.tracking.store import experiment_id

CODE = Path(__file__).with_name("pyfunc_model.py")  # not imported here: it imports Keras
REQUIREMENTS = ("mlflow", "tensorflow", "keras", "numpy")  # of the model
CURVES = ("loss", "val_loss", "val_accuracy", "learning_rate")
MAX_METRICS = 1000  # MLflow's limit of one request
MAX_PARAM = 6000  # MLflow's limit of characters in the value of a parameter


class TrainingRun:
    """The run of one training, from its beginning to its end.

    MLflow has one active run in a process; this is it from ``begin`` to ``finish`` or ``fail``.
    """

    def __init__(
        self,
        client: Any,
        config: RunConfig,
        origin: Origin,
        start: float,
        environment: Environment | None,
    ) -> None:
        """Create the run of a training that started at ``start``, in seconds since 1970.

        ``environment`` is None if it is not known: the results were restored.
        """
        self._client, self._config = client, config
        self._logged_steps: set[int] = set()
        experiment = experiment_id(client, config["dataset"])
        tags = run_tags(config, origin) | (environment_tags(environment) if environment else {})
        self.id = client.create_run(experiment, int(1000 * start), tags, config["name"]).info.run_id

    def begin(self, system_metrics: bool) -> None:
        """Log parameters and dataset, and make this the active run.

        ``system_metrics``, the use of processors and memory, are logged until the end.
        """
        import mlflow
        from mlflow.entities import Dataset, DatasetInput, InputTag, Param

        data = self._config["dataset"]
        settings = {key: self._config[key] for key in ("train", "parameters")}
        params = [
            Param(key, (value if isinstance(value, str) else json.dumps(value))[:MAX_PARAM])
            for key, value in flat(settings | self._config["recipe"])
            if value is not None
        ]
        digest = data["digest"][:8]  # the length that MLflow uses; a tag has all of it
        uri, profile = json.dumps({"uri": str(PROCESSED)}), json.dumps(data["counts"])
        dataset = Dataset(data["name"], digest, "local", uri, profile=profile)
        role = InputTag("mlflow.data.context", "training")
        self._client.log_batch(self.id, params=params)
        self._client.log_inputs(self.id, [DatasetInput(dataset, [role])])
        mlflow.set_tracking_uri(self._client.tracking_uri)
        mlflow.start_run(self.id, log_system_metrics=system_metrics)

    def log_rows(self, rows: list[dict[str, float]]) -> None:
        """Log rows of the history, each with the time ``at``, in seconds since 1970."""
        from mlflow.entities import Metric

        metrics = [
            Metric(name, row[name], int(1000 * row["at"]), int(row["step"]))
            for row in rows
            for name in CURVES
        ]
        for first in range(0, len(metrics), MAX_METRICS):
            self._client.log_batch(self.id, metrics[first : first + MAX_METRICS])
        self._logged_steps |= {int(row["step"]) for row in rows}

    def finish(self, folder: Path, end: float, seconds: Sequence[float]) -> None:
        """Log the output files; mark the run as complete at ``end``, in seconds since 1970.

        ``seconds`` are the durations of the rows of the history, or empty if not known.
        """
        import mlflow

        record, rows = load_record(folder), load_history(folder)
        times = np.cumsum([end - sum(seconds), *seconds])[1:] if seconds else [end] * len(rows)
        for row, at in zip(rows, times, strict=True):
            row["at"] = float(at)
        try:
            if seconds:
                self._client.log_metric(self.id, "training_seconds", sum(seconds))
            self.log_rows([row for row in rows if int(row["step"]) not in self._logged_steps])
            for name in (RECORD, HISTORY):
                self._client.log_artifact(self.id, str(folder / name))
            _log_model(folder, record)
            mlflow.end_run()
            self._client.set_terminated(self.id, end_time=int(1000 * end))
            self._client.set_tag(self.id, WEIGHTS, record["weights_sha256"])
        finally:
            self.fail()  # no effect after end_run

    def fail(self) -> None:
        """Mark the run as failed, if the store responds."""
        import mlflow

        with suppress(Exception):
            mlflow.end_run("FAILED")


def _log_model(folder: Path, record: Record) -> None:
    """Log ``model.keras`` to MLflow's active run, unchanged and without importing TensorFlow."""
    import mlflow.pyfunc
    from mlflow.models import ModelSignature
    from mlflow.types import Schema, TensorSpec

    data = record["dataset"]
    number = TensorSpec(np.dtype("int64"), (-1,), "class")
    label = TensorSpec(np.dtype("str"), (-1,), "label")
    probabilities = TensorSpec(np.dtype("float32"), (-1, data["classes"]), "probabilities")
    requirements = [f"{name}=={version(name)}" for name in REQUIREMENTS]
    mlflow.pyfunc.log_model(
        name="model",
        loader_module=CODE.stem,
        code_paths=[str(CODE)],
        data_path=str(folder / MODEL),
        model_config={"class_names": data["class_names"]},
        # Without inputs: MLflow's server would change other types to those of the signature.
        signature=ModelSignature(outputs=Schema([number, label, probabilities])),
        metadata={"input": f"uint8 [N, {data['height']}, {data['width']}], light on dark"},
        pip_requirements=requirements,
        step=record["steps"],  # MLflow links the metrics of this step to the model
    )
