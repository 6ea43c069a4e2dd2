"""Writes the MLflow run of a training."""

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from src.models.artifacts import HISTORY, RECORD, load_history, load_record
from src.models.record import Environment, RunConfig
from src.tracking import mlflow_internals
from src.tracking.datasets import dataset_input, logged_splits, split_of
from src.tracking.description import WEIGHTS, environment_tags, run_tags
from src.tracking.logged_model import log_model
from src.tracking.origin import PATCH, Origin
from src.tracking.parameters import parameters
from src.tracking.store import experiment_id

# The metrics of a run, by column of the history. MLflow sorts the charts by name: the one of the
# learning rate, which is constant for most recipes, shall not be the first.
CURVES = {
    "val_accuracy": "val_accuracy",
    "val_loss": "val_loss",
    "loss": "loss",
    "learning_rate": "train_learning_rate",
}
MAX_METRICS = 1000  # MLflow's limit of one request


class TrainingRun:
    """The run of one training, from its beginning to its end."""

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
        self._client, self._config, self._patch = client, config, origin.get("patch", "")
        self._times: dict[int, int] = {}  # in milliseconds, of the logged steps
        self._monitor: Any = None
        experiment = experiment_id(client, config["dataset"])
        tags = run_tags(config, origin) | (environment_tags(environment) if environment else {})
        self.id = client.create_run(experiment, int(1000 * start), tags, config["name"]).info.run_id

    def begin(self, system_metrics: bool) -> None:
        """Log parameters, datasets and uncommitted changes.

        ``system_metrics``, the use of processors and memory, are logged until the end.
        """
        from mlflow.entities import Param

        if system_metrics:
            self._monitor = mlflow_internals.system_monitor(self.id, self._client.tracking_uri)
        params = [Param(*each) for each in parameters(self._config).items()]
        self._client.log_batch(self.id, params=params)
        inputs = [dataset_input(self._config["dataset"], each) for each in ("train", "validation")]
        self._client.log_inputs(self.id, inputs)
        if self._patch:
            self._client.log_text(self.id, self._patch, PATCH)

    def log_rows(self, rows: list[dict[str, float]]) -> None:
        """Log rows of the history, each with the time ``at``, in seconds since 1970."""
        from mlflow.entities import Metric

        metrics = [
            Metric(CURVES[name], row[name], int(1000 * row["at"]), int(row["step"]))
            for row in rows
            for name in CURVES
        ]
        for first in range(0, len(metrics), MAX_METRICS):
            self._client.log_batch(self.id, metrics[first : first + MAX_METRICS])
        self._times |= {int(row["step"]): int(1000 * row["at"]) for row in rows}

    def finish(self, folder: Path, end: float, seconds: Sequence[float]) -> None:
        """Log the output files; mark the run as complete at ``end``, in seconds since 1970.

        ``seconds`` are the durations of the rows of the history, or empty if not known.
        """
        record, rows = load_record(folder), load_history(folder)
        times = np.cumsum([end - sum(seconds), *seconds])[1:] if seconds else [end] * len(rows)
        for row, at in zip(rows, times, strict=True):
            row["at"] = float(at)
        try:
            self._stop_monitor()
            self.log_rows([row for row in rows if int(row["step"]) not in self._times])
            for name in (RECORD, HISTORY):
                self._client.log_artifact(self.id, str(folder / name))
            run = self._client.get_run(self.id)
            model = log_model(self._client, run, folder, record)
            self._log_linked(run, model, rows[-1], sum(seconds))
            self._client.set_terminated(self.id, end_time=int(1000 * end))
            self._client.set_tag(self.id, WEIGHTS, record["weights_sha256"])
        except BaseException:
            self.fail()
            raise

    def fail(self) -> None:
        """Mark the run as failed, if the store responds."""
        with suppress(Exception):
            self._stop_monitor()
            self._client.set_terminated(self.id, "FAILED")

    def _log_linked(self, run: Any, model: str, last: dict[str, float], seconds: float) -> None:
        """Log the metrics of the final weights again, linked to the model and to their datasets."""
        step = int(last["step"])
        time = self._times[step]
        values = [(key, last[name], time, step) for name, key in CURVES.items()]
        if seconds:
            values.append(("training_seconds", seconds, time, 0))  # a bar, not a curve
        self._client.log_batch(self.id, linked_metrics(values, model, run))

    def _stop_monitor(self) -> None:
        if self._monitor:
            self._monitor.finish()
            self._monitor = None


def linked_metrics(
    values: Sequence[tuple[str, float, int, int]], model: str | None, run: Any
) -> list[Any]:
    """MLflow's metrics, linked to a model and to the datasets of the run.

    A value is the name, the value, the milliseconds since 1970, and the step.
    """
    from mlflow.entities import Metric

    splits = logged_splits(run)
    metrics = []
    for key, value, time, step in values:
        data = splits.get(split_of(key))
        name, digest = (data.name, data.digest) if data else (None, None)
        metrics.append(Metric(key, value, time, step, model, name, digest, run.info.run_id))
    return metrics
