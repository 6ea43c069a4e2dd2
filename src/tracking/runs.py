"""The MLflow run of a training: creates it, adds rows, completes it from files, adds test results.

A run belongs to the training of the same recipe that started at the same time, in milliseconds; if
this time is not known, because the training ran elsewhere, to that with the same weights. Each step
can be repeated, so that a run that is not complete can be continued.
"""

import shutil
import tempfile
import time
from collections.abc import Sequence
from itertools import accumulate
from pathlib import Path
from typing import Any

from src.common.files import json_sha256, sha256
from src.common.paths import RECIPE_PLOTS
from src.models.artifacts import HISTORY, RECORD, load_history, load_record
from src.models.record import Record, RunConfig
from src.tracking.description import (
    WEIGHTS,
    parameters,
    result_lines,
    run_note,
    run_tags,
    with_results,
)
from src.tracking.model import dataset_input, log_model, ready_model
from src.tracking.notes import Note, load_notes, new_note
from src.tracking.store import NOTE, experiment_id

# The metrics of a run, by column of the history. MLflow sorts the charts by name: the one of the
# learning rate, which is constant for most recipes, shall not be the first.
CURVES = {
    "val_accuracy": "val_accuracy",
    "val_loss": "val_loss",
    "loss": "loss",
    "learning_rate": "train_learning_rate",
}
RESULTS = "results_sha256"  # the tag with the digest of the test results


def find_run(client: Any, config: RunConfig, condition: str) -> Any:
    """The newest run of a recipe for which a condition of MLflow's search holds, or None."""
    search = f"tags.recipe = '{config['name']}' and {condition}"
    experiment = experiment_id(client, config["dataset"])
    return next(iter(client.search_runs([experiment], search, max_results=1)), None)


def run_of_training(client: Any, record: Record) -> tuple[Any, Note | None]:
    """The run of the newest training to these weights, and the note of when it ran; or None."""
    note = next(reversed(load_notes(record)), None)
    if note:
        return find_run(client, record, _started_at(note)), note
    return find_run(client, record, f"tags.{WEIGHTS} = '{record['weights_sha256']}'"), None


def open_run(client: Any, config: RunConfig, note: Note) -> Any:
    """The run of a training, created if necessary, with its parameters and datasets."""
    from mlflow.entities import Param

    run = find_run(client, config, _started_at(note))
    if run is None:
        tags = run_tags(config, note) | {NOTE: run_note(config, note["origin"])}
        experiment, start = experiment_id(client, config["dataset"]), int(1000 * note["start"])
        run = client.create_run(experiment, start, tags, config["name"])
    elif run.info.status != "RUNNING":
        client.update_run(run.info.run_id, "RUNNING")
    client.log_batch(run.info.run_id, params=[Param(*each) for each in parameters(config).items()])
    splits = [dataset_input(config["dataset"], split) for split in ("train", "validation")]
    client.log_inputs(run.info.run_id, splits)
    return client.get_run(run.info.run_id)


def log_rows(client: Any, run: Any, rows: Sequence[dict[str, float]]) -> None:
    """Log rows of the history, each with the time ``at``, in seconds since 1970."""
    from mlflow.entities import Metric

    metrics = [
        Metric(CURVES[name], row[name], int(1000 * row["at"]), int(row["step"]))
        for row in rows
        for name in CURVES
    ]
    client.log_batch(run.info.run_id, metrics)


def logged_steps(client: Any, run: Any) -> dict[int, int]:
    """The steps of the rows that a run has, and their times in milliseconds since 1970."""
    last_metric = [*CURVES.values()][-1]
    history = client.get_metric_history(run.info.run_id, last_metric)
    return {metric.step: metric.timestamp for metric in history}


def is_complete(client: Any, run: Any) -> bool:
    """Whether a run has all that the output files of its training contain."""
    return run is not None and run.info.status == "FINISHED" and bool(ready_model(client, run))


def complete_run(client: Any, folder: Path, note: Note | None) -> None:
    """Log what the run of a training lacks of the output files in ``folder``.

    Without a note, the run gets the present time and the tag ``restored``.
    """
    record, rows = load_record(folder), load_history(folder)
    if note is None:
        note = new_note(None)
        if run := run_of_training(client, record)[0]:  # half a millisecond: int() rounds down
            note["start"] = note["end"] = (run.info.start_time + 0.5) / 1000
    run = open_run(client, record, note)
    run_id, seconds = run.info.run_id, note["seconds"]
    client.set_tag(run_id, WEIGHTS, record["weights_sha256"])
    logged, begin = logged_steps(client, run), note["end"] - sum(seconds)
    ends = [begin + second for second in accumulate(seconds)] or [begin] * len(rows)
    rows = [row | {"at": end} for row, end in zip(rows, ends, strict=True)]
    log_rows(client, run, [row for row in rows if int(row["step"]) not in logged])
    for name in (RECORD, HISTORY):
        client.log_artifact(run_id, str(folder / name))
    model, last = ready_model(client, run) or log_model(client, run, folder, record), rows[-1]
    at = logged.get(int(last["step"]), int(1000 * last["at"]))
    values = {metric: last[name] for name, metric in CURVES.items()}
    metrics = _linked(record, run, model, at, int(last["step"]), **values)
    if seconds:  # a bar, not a curve
        metrics += _linked(record, run, model, at, 0, training_seconds=sum(seconds))
    client.log_batch(run_id, metrics)
    client.set_terminated(run_id, end_time=int(1000 * note["end"]))


def log_test_results(client: Any, run: Any, record: Record, test: dict[str, Any]) -> bool:
    """Log test metrics, plots and lines of the description; return whether anything was missing.

    ``test`` is the entry of the recipe in ``metrics/test.json``, of the same weights.
    """
    plots = {folder.name: folder / f"{record['name']}.png" for folder in RECIPE_PLOTS}
    plots = {kind: path for kind, path in plots.items() if path.exists()}
    data = dataset_input(record["dataset"], "test")
    hashes = {kind: sha256(path) for kind, path in plots.items()}
    digest = json_sha256([test, data.dataset.digest, hashes])
    if run.data.tags.get(RESULTS) == digest:
        return False
    run_id = run.info.run_id
    client.log_inputs(run_id, [data])
    values = {f"test_{key}": x for key, x in test.items() if isinstance(x, int | float)}
    model, now = ready_model(client, run), int(1000 * time.time())
    client.log_batch(run_id, _linked(record, run, model, now, 0, **values))
    for kind, path in plots.items():
        with tempfile.TemporaryDirectory() as folder:
            renamed = shutil.copyfile(path, Path(folder, f"{kind}.png"))
            client.log_artifact(run_id, str(renamed), "plots")
    note = with_results(run.data.tags.get(NOTE, ""), record["name"], result_lines(test))
    client.set_tag(run_id, NOTE, note)
    client.set_tag(run_id, RESULTS, digest)
    return True


def _linked(
    record: Record, run: Any, model: str | None, at: int, step: int, **values: float
) -> Any:
    """Metrics that are linked to a model, and to the dataset that each was measured on.

    ``at`` is the time in milliseconds since 1970.
    """
    from mlflow.entities import Metric

    metrics = []
    for name, value in values.items():
        split = {"val": "validation", "test": "test"}.get(name.partition("_")[0], "train")
        data = dataset_input(record["dataset"], split).dataset
        link = model, data.name, data.digest, run.info.run_id
        metrics.append(Metric(name, value, at, step, *link))
    return metrics


def _started_at(note: Note) -> str:
    return f"attributes.start_time = {int(1000 * note['start'])}"
