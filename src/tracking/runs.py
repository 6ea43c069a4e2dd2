"""The MLflow run of a training: creates it, adds rows, completes it from files, adds test results.

A run belongs to the training of the same recipe that started at the same time, in milliseconds; if
this time is not known, because the training ran elsewhere, to that with the same weights. Each step
can be repeated, so that a run that is not complete can be continued.
"""

import shlex
import time
from collections.abc import Sequence
from itertools import accumulate
from pathlib import Path
from typing import Any

from src.common.files import json_sha256, sha256
from src.common.paths import RECIPE_PLOTS, SPLIT_FOLDERS
from src.config.yaml_files import flat
from src.models.artifacts import HISTORY, RECORD, load_history
from src.models.record import Record, RunConfig, stage_name
from src.tracking.logged_model import dataset_input, find_model, log_model, parameters
from src.tracking.notes import Note, new_note, newest_note, own_changes
from src.tracking.store import DESCRIPTION_TAG, MAX_TEXT, experiment_id

RESULTS_TAG = "results_sha256"  # the digest of the test results
TEST_METRICS = ("accuracy", "balanced_accuracy", "loss")  # the others are in a file
RESTORED = {"restored": "true"}  # in place of the environment: from DVC's cache, or from a remote
Row = dict[str, float]  # metrics, their ``step``, and their time ``at``: milliseconds since 1970


def find_run(client: Any, config: RunConfig, condition: str) -> Any:
    """The newest run of a recipe for which a condition of MLflow's search holds, or None."""
    search = f"tags.recipe = '{config['name']}' and {condition}"
    experiment = experiment_id(client, config["dataset"])
    return next(iter(client.search_runs([experiment], search, max_results=1)), None)


def open_run(client: Any, config: RunConfig, note: Note, run: Any) -> Any:
    """The run of a training, with the status RUNNING, its parameters and its datasets.

    If ``run`` is None, it is created, named after the recipe and its changes: ``cnn epochs=1``.
    """
    from mlflow.entities import Param

    if run is None:
        name = " ".join([config["name"], *own_changes(config, note)])[:MAX_TEXT]
        experiment, tags = experiment_id(client, config["dataset"]), run_tags(config, note)
        run = client.create_run(experiment, note["start"], tags, name)
    run_id = run.info.run_id
    client.update_run(run_id, "RUNNING")
    client.log_batch(run_id, params=[Param(*each) for each in parameters(config).items()])
    splits = [dataset_input(config["dataset"], split) for split in ("train", "validation")]
    client.log_inputs(run_id, splits)
    return run


def sync_run(client: Any, folder: Path, record: Record) -> tuple[Any, str]:
    """The run of the newest training to these weights, and its model; completed from files.

    If the training did not run on this machine, its run gets the present time, and the tag
    ``restored``.
    """
    weights = record["weights_sha256"]
    note = newest_note(record, weights_sha256=weights)
    same = f"start_time = {note['start']}" if note else f"tags.weights_sha256 = '{weights}'"
    run = find_run(client, record, same)
    model = find_model(client, run, record) if run else None
    if model and run.info.status == "FINISHED":
        return run, model
    note = note or new_note(RESTORED)
    run = open_run(client, record, note, run)
    run_id = run.info.run_id
    client.set_tag(run_id, "weights_sha256", weights)
    for name in (RECORD, HISTORY):
        client.log_artifact(run_id, str(folder / name))
    last = _log_history(client, run, record, load_history(folder), note["seconds"])
    model = model or log_model(client, run, folder, record)
    final = [last]  # again, now that there is a model to link it to
    if note["seconds"]:  # at step 0: a bar, not a curve
        final.append({"training_seconds": sum(note["seconds"]), "at": last["at"], "step": 0})
    log_rows(client, run, record, final, model)
    client.set_terminated(run_id, end_time=int(last["at"]))
    return client.get_run(run_id), model


def _log_history(
    client: Any, run: Any, record: Record, rows: list[Row], seconds: list[float]
) -> Row:
    """Log the rows that the run lacks; return the last row, with its time."""
    run_id, start = run.info.run_id, run.info.start_time
    times = {each.step: each.timestamp for each in client.get_metric_history(run_id, "val_loss")}
    missing = [row for row in rows if int(row["step"]) not in times]
    # The seconds are not known for a training that ran elsewhere.
    for row, elapsed in zip(rows, [*accumulate(seconds)] or [0] * len(rows), strict=True):
        row["at"] = times.get(int(row["step"]), start + 1000 * elapsed)
    log_rows(client, run, record, missing)
    return rows[-1]


def log_rows(
    client: Any, run: Any, config: RunConfig, rows: Sequence[Row], model: str | None = None
) -> None:
    """Log metrics, linked to the split that they were measured on, and to a model."""
    from mlflow.entities import Metric

    splits = {split: dataset_input(config["dataset"], split).dataset for split in SPLIT_FOLDERS}
    metrics = []
    for row in rows:
        for name in row.keys() - {"epoch", "step", "at"}:
            data = splits[{"val": "validation", "test": "test"}.get(name.split("_")[0], "train")]
            metric = Metric(
                # MLflow sorts the charts by name; that of the learning rate shall not be the first.
                key=name.replace("learning_rate", "train_learning_rate"),
                value=row[name],
                timestamp=int(row["at"]),
                step=int(row["step"]),
                model_id=model,
                dataset_name=data.name,
                dataset_digest=data.digest,
                run_id=run.info.run_id,
            )
            metrics.append(metric)
    client.log_batch(run.info.run_id, metrics)


def log_test_results(
    client: Any, run: Any, model: str, record: Record, test: dict[str, Any]
) -> None:
    """Log test metrics and plots, unless the run has the same.

    ``test`` is the entry of the recipe in ``metrics/test.json``, of the same weights.
    """
    from PIL import Image

    plots = [folder / f"{record['name']}.png" for folder in RECIPE_PLOTS]
    plots = [path for path in plots if path.exists()]
    data, run_id = dataset_input(record["dataset"], "test"), run.info.run_id
    digest = json_sha256([test, data.dataset.digest, [sha256(path) for path in plots]])
    if run.data.tags.get(RESULTS_TAG) == digest:
        return
    client.log_inputs(run_id, [data])
    row = {f"test_{name}": test[name] for name in TEST_METRICS if name in test}
    log_rows(client, run, record, [row | {"at": 1000 * time.time(), "step": 0}], model)
    client.log_dict(run_id, test, "metrics/test.json")
    for path in plots:
        with Image.open(path) as image:
            client.log_image(run_id, image, f"plots/{path.parent.name}.png")
    client.set_tag(run_id, RESULTS_TAG, digest)


def run_tags(config: RunConfig, note: Note) -> dict[str, str]:
    """The tags of the run of a training."""
    tags = {
        "recipe": config["name"],
        "recipe_sha256": config["recipe_sha256"],
        "dataset_digest": config["dataset"]["digest"],
        "dvc_exp": note["experiment"],
        "changes": shlex.join(note["changes"]),
        "edited": "true" if note["edited"] else "",
        DESCRIPTION_TAG: description(config, note),
        "mlflow.user": note["user"],
        "mlflow.source.git.commit": note["revision"],
        "mlflow.source.name": f"dvc.yaml:{stage_name(config)}",  # an argument of `dvc repro`
        "mlflow.source.type": "LOCAL",
        **dict(flat(note["environment"])),
    }
    return {name: str(value)[:MAX_TEXT] for name, value in tags.items() if value}


def description(config: RunConfig, note: Note) -> str:
    """The Markdown description of a run: its data, and the commands that reproduce it."""
    counts = config["dataset"]["counts"]
    text = (
        f"**{config['name']}**, trained on {counts['train']:,} images of "
        f"{config['dataset']['name']}, validated on {counts['validation']:,}."
    )
    if not note["revision"]:
        return text
    others = [each for each in note["changes"] if not each.startswith("model=")]
    changes = "".join(f" -S {shlex.quote(each)}" for each in [f"model={config['name']}", *others])
    text += f" To reproduce it:\n\n    git checkout {note['revision']}\n    dvc exp run{changes}"
    text += "\n    git switch --discard-changes -  # back to your branch; undoes all changes"
    if note["edited"]:
        text += "\n    # the result also depends on changes that were not committed"
    return text
