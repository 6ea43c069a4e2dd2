"""The installed MLflow has the internals that this project relies on."""

import json
import sqlite3

import pytest

from src.tracking import mlflow_internals, store
from tests.fixtures.trainings import REGISTRY


def test_a_database_is_given_up_after_two_attempts(tmp_path, monkeypatch):
    from mlflow.store.db import utils

    pauses = []
    monkeypatch.setattr(utils.time, "sleep", pauses.append)
    mlflow_internals.limit_database_retries()
    with pytest.raises(Exception, match="unable to open"):
        utils.create_sqlalchemy_engine_with_retry(f"sqlite:///{tmp_path}")
    assert len(pauses) == 1


def test_the_artifacts_of_a_moved_store_are_found(
    client, checkout, folder, log_training, tmp_path, runs_of, monkeypatch
):
    from src.tracking.registration import register

    log_training(folder)
    register(client, json.loads((folder / "training.json").read_text()), REGISTRY)
    moved = checkout.rename(tmp_path / "moved")
    monkeypatch.setenv("DVC_ROOT", str(moved))
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "")
    client = store.connect(store.store_uri())
    (run,) = runs_of(client)
    assert {file.path for file in client.list_artifacts(run.info.run_id)} == {
        "history.csv",
        "training.json",
    }
    (model,) = client.search_logged_models([run.info.experiment_id])
    assert model.artifact_location.startswith((moved / "mlruns").as_uri())
    with sqlite3.connect(moved / "mlflow.db") as database:
        assert checkout.as_uri() not in "\n".join(database.iterdump())


def test_the_columns_of_the_page_of_runs_are_stored_with_the_experiment(
    client, folder, log_training
):
    log_training(folder)
    tags = client.get_experiment_by_name("mnist").tags
    assert (
        "metrics.`val_accuracy`" in json.loads(tags[mlflow_internals.VIEW_TAG])["selectedColumns"]
    )
    assert "/experiments/1/runs?" in tags["mlflow.note.content"]


@pytest.mark.parametrize("used", [False, True])
def test_the_experiment_default_is_deleted_if_it_is_empty(client, folder, log_training, used):
    if used:
        client.create_run("0")
    log_training(folder)
    names = {each.name for each in client.search_experiments()}
    assert names == ({"mnist", "Default"} if used else {"mnist"})
