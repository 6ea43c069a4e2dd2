"""Finds the MLflow runs of trainings, and removes incomplete ones."""

import time
from collections.abc import Sequence
from typing import Any

from src.models.record import Record
from src.tracking.description import WEIGHTS
from src.tracking.origin import Provenance
from src.tracking.store import experiment_id

STALE_SECONDS = 600  # longer than a stage or `make send` needs to log a training


def remove_run(client: Any, run_id: str) -> None:
    """Delete a run and its model if the run is incomplete and not deleted already."""
    run = _find_run(client, run_id)
    if run is None or WEIGHTS in run.data.tags:  # complete
        return
    of_run = f"source_run_id = '{run_id}'"
    for model in client.search_logged_models([run.info.experiment_id], of_run):
        client.delete_logged_model(model.model_id)
    if run.info.lifecycle_stage == "active":
        client.delete_run(run_id)


def is_active(client: Any, run_id: str) -> bool:
    """Whether a run exists and is not deleted."""
    run = _find_run(client, run_id)
    return run is not None and run.info.lifecycle_stage == "active"


def is_of(run: Any, note: Provenance) -> bool:
    """Whether a run is that of the training that the note describes."""
    return run.info.start_time == int(1000 * note["start"])


def incomplete_runs(client: Any, record: Record, notes: Sequence[Provenance]) -> list[Any]:
    """The runs of trainings to these weights that could not be completed, and were left behind.

    Without a note, these are the restored ones that are so old that no process still logs them.
    """
    recipe, old = f"tags.recipe = '{record['name']}'", int(1000 * (time.time() - STALE_SECONDS))
    searches = [f"{recipe} and attributes.start_time = {int(1000 * n['start'])}" for n in notes]
    searches.append(f"{recipe} and tags.restored = 'true' and attributes.start_time < {old}")
    experiment = [experiment_id(client, record["dataset"])]
    found = [run for search in searches for run in client.search_runs(experiment, search)]
    return [run for run in found if WEIGHTS not in run.data.tags]


def _find_run(client: Any, run_id: str) -> Any:
    from mlflow.exceptions import MlflowException

    try:
        return client.get_run(run_id)
    except MlflowException as error:
        if error.error_code == "RESOURCE_DOES_NOT_EXIST":  # for example, in another store
            return None
        raise


def find_by_weights(client: Any, record: Record) -> Any:
    """The newest complete run that trained these weights, or None."""
    condition = (
        f"tags.recipe = '{record['name']}' and tags.{WEIGHTS} = '{record['weights_sha256']}' "
        "and attributes.status = 'FINISHED'"
    )
    experiment, order = experiment_id(client, record["dataset"]), ["attributes.end_time DESC"]
    return next(iter(client.search_runs([experiment], condition, 1, 1, order)), None)


def model_id(client: Any, run: Any) -> str | None:
    """The id of a run's model in MLflow; None if the model was deleted there."""
    from mlflow.exceptions import MlflowException

    try:
        for model in run.outputs.model_outputs if run.outputs else []:
            return client.get_logged_model(model.model_id).model_id
    except MlflowException as error:
        if error.error_code != "RESOURCE_DOES_NOT_EXIST":
            raise
    return None
