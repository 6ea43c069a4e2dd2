"""What MLflow refuses, or what was deleted in it, blocks nothing else."""

import json
from pathlib import Path

import pytest

from src.tracking import sync
from src.tracking.champion import champion
from tests.fixtures.trainings import ENVIRONMENT, SECONDS, Stage


@pytest.fixture
def two(checkout, make_training, make_evaluation, make_comparison, model_file):
    """The results of two recipes in the working directory."""
    for name in ("a", "b"):
        make_training(Path("models/cnn", name), model_file, weights_sha256=name * 64)
    make_evaluation({"a": 0.91, "b": 0.92})
    make_comparison()


def statuses(runs):
    return sorted((run.info.run_name, run.info.status) for run in runs)


def test_items_that_the_store_refuses_do_not_block_the_others(
    client, make_training, model_file, log_results, runs_of, monkeypatch, capfd
):
    from mlflow.exceptions import MlflowException

    create_run = type(client).create_run

    def refuse(self, experiment, start, tags, name):
        if name in "abc":
            raise MlflowException.invalid_parameter_value("too long")
        return create_run(self, experiment, start, tags, name)

    monkeypatch.setattr(type(client), "create_run", refuse)
    for name in ("a", "b", "c", "d"):
        make_training(Path("models/cnn", name), model_file, weights_sha256=name * 64)
    log_results()
    assert statuses(runs_of(client)) == [("d", "FINISHED")]
    assert "results of a, results of b, results of c (" in capfd.readouterr().err


def test_very_many_changes_are_logged(client, folder, monkeypatch, runs_of, capfd):
    from src.tracking import messages

    changes = [f"recipes.yaml:cnn.key{n}={n}" for n in range(1000)]
    origin = messages.origin
    new = {"revision": "ab" * 20, "changes": changes}
    monkeypatch.setattr(messages, "origin", lambda: origin() | new)
    stage = Stage()
    config = json.loads((folder / "training.json").read_text())
    stage.log("begin", config=config, environment=ENVIRONMENT)
    stage.log("end", folder=str(folder), seconds=SECONDS)
    stage.logger.close()
    assert capfd.readouterr() == ("", "")
    (run,) = runs_of(client)
    assert run.info.status == "FINISHED"
    assert "changes" not in run.data.tags and run.data.tags["edited"] == "true"
    assert "too many changes to list" in run.data.tags["mlflow.note.content"]


def test_a_deleted_experiment_is_restored(client, two, log_results, runs_of, capfd):
    log_results()
    client.delete_experiment(runs_of(client)[0].info.experiment_id)
    log_results()
    captured = capfd.readouterr()
    assert captured.err == ""
    assert captured.out.startswith("MLflow: restored the deleted experiment mnist")
    assert statuses(runs_of(client)) == [("a", "FINISHED"), ("b", "FINISHED")]


@pytest.mark.parametrize("when", ["after begin", "after rows"])
def test_a_run_deleted_during_its_training_is_logged_from_files(
    client, folder, run_config, runs_of, when
):
    stage = Stage()
    stage.log("begin", config=run_config(folder), environment=ENVIRONMENT)
    client.delete_run(runs_of(client)[0].info.run_id)
    row = {"step": 215, "loss": 2.4, "val_loss": 2.3, "val_accuracy": 0.1, "learning_rate": 0.01}
    if when == "after rows":
        stage.log("rows", rows=[row | {"at": 1.7e9}])
    stage.log("end", folder=str(folder), seconds=SECONDS)
    stage.logger.close()
    (run,) = runs_of(client)
    assert (run.info.status, run.data.metrics["training_seconds"]) == ("FINISHED", 4.5)


def test_a_deleted_model_blocks_neither_results_nor_comparison(
    client, two, log_results, make_evaluation, make_comparison, runs_of, capfd
):
    log_results()
    (experiment,) = {run.info.experiment_id for run in runs_of(client)}
    for model in client.search_logged_models([experiment]):
        client.delete_logged_model(model.model_id)
    make_evaluation({"a": 0.81, "b": 0.82})
    make_comparison()
    log_results(comparison=True)
    captured = capfd.readouterr()
    assert captured.err == ""
    assert "is not registered, because its model was deleted in MLflow" in captured.out
    found = {run.info.run_name: run.data.metrics for run in runs_of(client)}
    assert (found["a"]["test_accuracy"], found["b"]["test_accuracy"]) == (0.81, 0.82)
    assert "comparison of 2" in found


def test_another_store_gets_everything(client, two, log_results, tmp_path, monkeypatch, capfd):
    log_results(comparison=True)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path / 'other.db'}")
    capfd.readouterr()
    sync.main()
    assert "3 items were missing and are logged" in capfd.readouterr().out


@pytest.mark.parametrize("tags", [{}, {"dataset_digest": "d1" * 32}, "high", "nan", "1.5"])
def test_a_champion_that_was_not_registered_here_is_not_used(
    client, two, log_results, runs_of, capfd, tags
):
    log_results(comparison=True)
    name = "mnist-classifier"
    (own,) = client.search_model_versions(f"name = '{name}'")
    if isinstance(tags, str):
        tags = dict(own.tags) | {"validation_accuracy": tags, "weights_sha256": "0"}
    other = client.create_model_version(name, own.source, own.run_id, tags=tags)
    client.set_registered_model_alias(name, "champion", other.version)
    capfd.readouterr()
    dataset = json.loads(Path("models/cnn/a/training.json").read_text())["dataset"]
    assert champion(dataset) is None
    assert capfd.readouterr().err == (
        "warning: the champion, version 2 of mnist-classifier in MLflow, is not used, because this "
        "project did not register it; move the alias to another version in MLflow's UI\n"
    )
    log_results(comparison=True)
    assert "which this project did not register" in capfd.readouterr().out
