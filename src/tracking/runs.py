"""The runs of one store: trainings as they go on, their test figures, the comparison."""

import json
import shutil
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from src.common.paths import PROCESSED
from src.models.artifacts import HISTORY, RECORD, load_history, load_record
from src.models.record import Record, RunConfig
from src.tracking import describe
from src.tracking.logged_model import fill, model_id
from src.tracking.origin import flat
from src.tracking.store import experiment_id
from src.tracking.tags import NOTE, origin_of, origin_tags, run_tags

CURVES = ("loss", "val_loss", "val_accuracy", "learning_rate")
MAX_METRICS = 1000  # MLflow's limit of one request
MAX_PARAM = 6000  # and of the characters in a parameter's value
SYSTEM_SECONDS = 0.5  # between two samples of processor and memory; two make a point


class TrainingRun:
    """A run, from the beginning of its training to the end."""

    def __init__(self, client, record: RunConfig, origin: dict[str, Any], start: float) -> None:
        """Make the run, in the state of running.

        Args:
            client: of the store.
            record: what ``training.json`` says at its beginning.
            origin: as ``origin.origin`` gives it.
            start: of the training, in seconds since 1970.
        """
        self._client, self._steps, self._monitor = client, set(), None
        self._dataset = record["dataset"]
        self._experiment = experiment_id(client, self._dataset)
        settings = {key: record[key] for key in ("train", "parameters")} | record["recipe"]
        self._params = {
            key: value[:MAX_PARAM] if isinstance(value, str) else json.dumps(value)[:MAX_PARAM]
            for key, value in flat(settings)
            if value is not None
        }
        run = client.create_run(
            self._experiment, int(1000 * start), run_tags(record, origin), record["name"]
        )
        self.id = run.info.run_id

    def log_settings(self) -> None:
        """Log what is trained on what."""
        from mlflow.entities import Dataset, DatasetInput, InputTag, Param

        data = self._dataset
        dataset = Dataset(
            data["name"],
            data["digest"][:8],  # as short as MLflow's own; a tag has all of it
            "local",
            json.dumps({"uri": str(PROCESSED)}),
            profile=json.dumps(data["counts"]),
        )
        role = InputTag("mlflow.data.context", "training")
        params = [Param(*item) for item in self._params.items()]
        self._client.log_batch(self.id, params=params)
        self._client.log_inputs(self.id, [DatasetInput(dataset, [role])])

    def watch_system(self) -> None:
        """Log processor and memory until the run ends."""
        from mlflow.system_metrics.system_metrics_monitor import SystemMetricsMonitor

        uri = self._client.tracking_uri
        self._monitor = SystemMetricsMonitor(self.id, SYSTEM_SECONDS, 2, tracking_uri=uri)
        self._monitor.start()

    def rows(self, rows: list[dict[str, float]]) -> None:
        """Log rows of the history, each with the time ``at`` which it came."""
        self._log_metrics([metric for row in rows for metric in _metrics(row, row["at"])])
        self._steps |= {int(row["step"]) for row in rows}

    def end(self, folder: Path, end: float) -> None:
        """Log what the training left in ``folder``, and finish the run."""
        from mlflow.entities import LoggedModelOutput

        self._stop_watching()
        client, record, rows = self._client, load_record(folder), load_history(folder)
        model = client.create_logged_model(self._experiment, "model", self.id, params=self._params)
        try:
            metrics, at = [], end - sum(row["seconds"] for row in rows)
            for row in rows:
                at += row["seconds"]
                if int(row["step"]) not in self._steps:
                    metrics += _metrics(row, at, model.model_id if row is rows[-1] else None)
            self._log_metrics(metrics)
            for name in (RECORD, HISTORY):
                client.log_artifact(self.id, str(folder / name))
            fill(client, model, folder, record)
            client.log_outputs(self.id, [LoggedModelOutput(model.model_id, record["steps"])])
            client.set_tag(self.id, "weights_sha256", record["weights_sha256"])
            client.set_terminated(self.id, end_time=int(1000 * end))
        except BaseException:
            with suppress(Exception):
                client.delete_logged_model(model.model_id)
            raise

    def fail(self) -> None:
        """Finish the run of a training that did not come to its end."""
        self._stop_watching()
        self._client.set_terminated(self.id, "FAILED")

    def remove(self) -> None:
        """Take the run away."""
        self._stop_watching()
        self._client.delete_run(self.id)

    def _log_metrics(self, metrics: list[Any]) -> None:
        for first in range(0, len(metrics), MAX_METRICS):
            self._client.log_batch(self.id, metrics[first : first + MAX_METRICS])

    def _stop_watching(self) -> None:
        if self._monitor:
            self._monitor.finish()
            self._monitor = None


def log_whole(
    client, folder: Path, origin: dict[str, Any], end: float, restored: bool = False
) -> str:
    """Log a training that has ended, whole or not at all; the id of its run.

    Args:
        client: of the store.
        folder: the recipe's folder under ``models/``, as the train stage left it.
        origin: as ``origin.origin`` gives it.
        end: of the training, in seconds since 1970.
        restored: whether it comes from DVC's cache or a remote, and not from a training here.
    """
    record = load_record(folder)
    run = TrainingRun(client, record, origin, end - record["seconds"])
    try:
        run.log_settings()
        if restored:
            client.set_tag(run.id, "restored", "true")
        run.end(folder, end)
    except BaseException:
        with suppress(Exception):
            run.remove()
        raise
    return run.id


def find(client, record: Record):
    """The newest whole run that trained these weights, or None."""
    wanted = f"tags.recipe = '{record['name']}' and attributes.status = 'FINISHED'"
    wanted += f" and tags.weights_sha256 = '{record['weights_sha256']}'"
    experiment, newest = experiment_id(client, record["dataset"]), ["attributes.end_time DESC"]
    return next(iter(client.search_runs([experiment], wanted, 1, 1, newest)), None)


def find_same(client, record: RunConfig, origin: dict[str, Any]):
    """A whole run of the same recipe on the same data in the same DVC experiment, or None."""
    wanted = f"tags.recipe = '{record['name']}' and attributes.status = 'FINISHED'"
    for tag, value in (
        ("recipe_sha256", record["recipe_sha256"]),
        ("dataset_digest", record["dataset"]["digest"]),
    ):
        wanted += f" and tags.{tag} = '{value}'"
    experiment = experiment_id(client, record["dataset"])
    found = client.search_runs([experiment], wanted)
    return next((r for r in found if r.data.tags.get("dvc_exp") == origin["experiment"]), None)


def log_evaluation(
    client,
    folder: Path,
    metrics: dict[str, float],
    pictures: dict[str, str],
    origin: dict[str, Any],
) -> None:
    """Add test figures to the run that trained the weights; calling it again adds nothing.

    A store without that run gets it first, as restored.

    Args:
        client: of the store.
        folder: the recipe's folder under ``models/``, as the train stage left it.
        metrics: the figures by the name they get in MLflow, such as ``test_accuracy``.
        pictures: image files, by the name that they get among the run's artifacts.
        origin: as ``origin.origin`` gives it.
    """
    from mlflow.entities import Metric

    run = find(client, load_record(folder))
    if run is None:
        run = client.get_run(log_whole(client, folder, origin, time.time(), restored=True))
    new = {k: v for k, v in metrics.items() if run.data.metrics.get(k) != v}
    now, step = int(1000 * time.time()), 0  # not the last: MLflow draws bars for step 0 only
    client.log_batch(
        run.info.run_id, [Metric(k, v, now, step, model_id(run)) for k, v in new.items()]
    )
    for name, picture in pictures.items():
        with tempfile.TemporaryDirectory() as scratch:
            named = shutil.copyfile(picture, Path(scratch, f"{name}.png"))
            client.log_artifact(run.info.run_id, str(named), "pictures")


def log_comparison(
    client,
    records: dict[str, Record],
    results: dict[str, list[str]],
    table: dict[str, list[Any]],
    text: str,
    origin: dict[str, Any],
) -> None:
    """Make a run of the comparison, and tell each compared run what came of it.

    Args:
        client: of the store.
        records: ``training.json`` of each recipe.
        results: for each recipe, lines for its description.
        table: the comparison, column by column.
        text: the comparison in Markdown.
        origin: as ``origin.origin`` gives it.
    """
    experiment = experiment_id(client, next(iter(records.values()))["dataset"])
    now = int(1000 * time.time())
    tags = origin_tags(origin) | {NOTE: text, "comparison": "true"}
    run = client.create_run(experiment, now, tags, f"comparison of {len(records)}")
    client.log_table(run.info.run_id, table, "comparison.json")
    client.log_text(run.info.run_id, text, "comparison.md")
    client.set_terminated(run.info.run_id)
    for name, record in records.items():
        if found := find(client, record):
            trained_from = origin | origin_of(found)
            note = describe.run_note(record, trained_from, results[name])
            client.set_tag(found.info.run_id, NOTE, note)


def _metrics(row: dict[str, float], at: float, model: str | None = None) -> list[Any]:
    from mlflow.entities import Metric

    place = int(1000 * at), int(row["step"]), model
    return [Metric(name, row[name], *place) for name in CURVES]
