"""Results are logged from files: what is missing, once, after any failure of the store."""

import json
import re
from pathlib import Path

import pytest

from src.common import paths
from src.tracking import sync
from tests.fixtures.trainings import ENVIRONMENT, SECONDS, Stage


@pytest.fixture
def results(folder, make_evaluation, make_comparison):
    """The results of all stages in the working directory."""
    make_evaluation({"cnn": 0.91})
    make_comparison()


def test_test_results_are_added_to_the_newest_run_with_the_weights(
    client, folder, log_training, log_results, make_evaluation, runs_of, capfd
):
    log_training(folder)
    log_training(folder)  # trained again, to the same weights
    newest = runs_of(client)[0].info.run_id
    make_evaluation({"cnn": 0.91})

    for _ in range(2):
        log_results()

    assert capfd.readouterr() == ("", "")
    run, older = runs_of(client)
    assert (run.info.run_id, run.info.status) == (newest, "FINISHED")
    assert run.data.metrics["test_accuracy"] == 0.91
    assert "test_weights_sha256" not in run.data.metrics
    assert "mnist-test" in [each.dataset.name for each in run.inputs.dataset_inputs]
    (model,) = [
        each
        for each in client.search_logged_models([run.info.experiment_id])
        if each.source_run_id == newest
    ]
    assert {m.dataset_name for m in model.metrics if m.key == "test_accuracy"} == {"mnist-test"}
    assert "test_accuracy" not in older.data.metrics
    assert len(client.get_metric_history(newest, "test_accuracy")) == 1
    plots = {Path(file.path).name for file in client.list_artifacts(newest, "plots")}
    assert plots == {"confusion.png", "curves.png", "first_layer.png", "mistakes.png"}


def test_changed_test_results_replace_the_old_ones(
    client, folder, log_results, make_evaluation, runs_of
):
    for accuracy in (0.91, 0.89):
        make_evaluation({"cnn": accuracy})
        log_results()
    (run,) = runs_of(client)
    assert run.data.metrics["test_accuracy"] == 0.89


def test_test_results_of_other_weights_are_not_logged(client, results, log_results, runs_of, capfd):
    test = json.loads(paths.TEST.read_text())
    test["cnn"]["weights_sha256"] = "00" * 32
    paths.TEST.write_text(json.dumps(test))
    log_results(comparison=True)
    assert capfd.readouterr().out == (
        "MLflow: skipped the test results of cnn, because metrics/test.json is older than the "
        "model; run `dvc repro`\n"
        "MLflow: skipped the comparison, because metrics/summary.json is older than the models; "
        "run `dvc repro`\n"
    )
    (run,) = runs_of(client)
    assert "test_accuracy" not in run.data.metrics


def test_a_training_from_elsewhere_is_logged_as_restored(
    client, folder, log_results, make_evaluation, runs_of
):
    make_evaluation({"cnn": 0.91})
    for _ in range(2):
        log_results()
    (run,) = runs_of(client)
    assert run.data.tags["restored"] == "true"
    assert run.info.end_time == run.info.start_time  # not known
    assert not {"processor", "device"} & run.data.tags.keys()
    assert "training_seconds" not in run.data.metrics
    assert run.data.metrics["val_accuracy"] == 0.9
    assert run.data.metrics["test_accuracy"] == 0.91
    curve = client.get_metric_history(run.info.run_id, "val_loss")
    assert [each.step for each in curve] == [215, 430, 860]


def test_a_run_that_was_deleted_is_logged_again_with_the_time_of_the_training(
    client, folder, log_training, log_results, runs_of
):
    log_training(folder)
    (old,) = runs_of(client)
    client.delete_run(old.info.run_id)
    log_results()
    (new,) = runs_of(client)
    assert "restored" not in new.data.tags
    assert new.info.start_time == old.info.start_time
    assert new.info.end_time == old.info.end_time


def test_the_fallback_dataset_has_its_own_experiment(
    client, checkout, make_training, log_results, model_file, runs_of
):
    make_training(Path("models/cnn/mlp"), model_file, is_fallback=True)
    log_results()
    assert [r.info.run_name for r in runs_of(client, "digits (fallback for mnist)")] == ["mlp"]
    assert client.get_experiment_by_name("digits") is None


def test_a_comparison_is_one_run_and_part_of_each_description(
    client, folder, log_training, results, log_results, runs_of, capfd
):
    log_training(folder)
    for sentence in ("is the first champion: validation accuracy 0.9000", "is the champion"):
        log_results(comparison=True)
        output = f"MLflow: cnn, version 1 of mnist-classifier, {sentence}\n"
        assert capfd.readouterr() == (output, "")
    comparison, training = runs_of(client)
    assert comparison.info.run_name == "comparison of 1"
    head, row = comparison.data.tags["mlflow.note.content"].splitlines()[1:3]
    assert head.startswith("recipe   parameters   epochs   validation")
    assert row.startswith("cnn      93           2        0.9000       0.9100")
    table = client.load_table(comparison.info.experiment_id, "comparison.json")
    assert table.recipe.tolist() == ["cnn"]
    note = training.data.tags["mlflow.note.content"]
    assert "Test accuracy **0.9100**" in note
    assert "convolutions (32, 64)" in note


STORES = {
    "refusing": "Connection refused",
    "mute": "timed out",
    "failing": "503",
    "unwritable": "503",
    "folder_as_store": "unable to open",
    "garbage": "not a database",
    "locked": "locked",
    "file_store": "file",
}


@pytest.mark.parametrize("store", STORES)
def test_what_a_failing_store_lacks_is_logged_later(
    request,
    client,
    checkout,
    folder,
    results,
    log_training,
    log_results,
    runs_of,
    monkeypatch,
    capfd,
    store,
):
    uri = request.getfixturevalue(store)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    monkeypatch.setenv("DVC_EXP_NAME", "bold-move")

    log_training(folder)
    log_results()
    log_results(comparison=True)

    out, err = capfd.readouterr()
    assert out == ""
    shown = re.sub(r"//.*@", "//***@", uri).split("?")[0]
    items = ["training of cnn", "results of cnn", "results of cnn, comparison"]
    for warning, item in zip(err.splitlines(), items, strict=True):
        assert warning.startswith(f"warning: MLflow at {shown}")
        assert f" did not log: {item} (" in warning
        assert STORES[store] in warning
        assert "details in logs/mlflow-errors.log; `make send` retries" in warning
        assert "secret" not in warning
    details = (checkout / "logs/mlflow-errors.log").read_text()
    assert "Traceback" in details and STORES[store] in details and "secret" not in details
    assert runs_of(client) == []
    with pytest.raises(SystemExit, match="1"):
        sync.main()

    monkeypatch.setenv("MLFLOW_TRACKING_URI", "")
    monkeypatch.setenv("DVC_EXP_NAME", "another")
    capfd.readouterr()
    for sentence in ("2 items were missing and are logged", "nothing was missing"):
        sync.main()
        assert capfd.readouterr().out.endswith(f"MLflow: {sentence}\n")
    _, run = runs_of(client)
    assert (run.info.run_name, run.data.tags["dvc_exp"]) == ("cnn", "bold-move")
    assert "restored" not in run.data.tags
    (note,) = [json.loads(path.read_text()) for path in checkout.glob("logs/trainings/*.json")]
    assert run.info.start_time == int(1000 * note["start"])
    assert run.info.end_time == int(1000 * note["end"])
    assert run.data.metrics["test_accuracy"] == 0.91
    champion = client.get_model_version_by_alias("mnist-classifier", "champion")
    assert champion.tags["recipe"] == "cnn"


@pytest.mark.parametrize("fails", ["log_inputs", "log_outputs", "set_terminated"])
def test_an_incomplete_run_is_replaced(
    client, checkout, folder, run_config, log_results, runs_of, monkeypatch, capfd, fails
):
    with monkeypatch.context() as patch:
        patch.setattr(type(client), fails, lambda *_, **__: 1 / 0)
        stage = Stage()
        stage.log("begin", config=run_config(folder), environment=ENVIRONMENT)
        stage.log("end", folder=str(folder), seconds=SECONDS)
        stage.logger.close()
    assert "did not log: training of cnn (ZeroDivisionError" in capfd.readouterr().err
    assert "FINISHED" not in [run.info.status for run in runs_of(client)]
    log_results()
    assert [run.info.status for run in runs_of(client)] == ["FINISHED"]
    (experiment,) = {run.info.experiment_id for run in runs_of(client)}
    assert len(client.search_logged_models([experiment])) == 1


def test_a_complete_run_of_the_same_weights_is_kept(
    client, folder, run_config, log_training, runs_of, monkeypatch
):
    log_training(folder)
    with monkeypatch.context() as patch:
        patch.setattr(type(client), "create_run", lambda *_, **__: 1 / 0)
        stage = Stage()
        stage.log("begin", config=run_config(folder), environment=ENVIRONMENT)
    stage.log("end", folder=str(folder), seconds=SECONDS)
    assert [run.info.status for run in runs_of(client)] == ["FINISHED"] * 2


def test_a_damaged_training_does_not_block_the_others(
    client, checkout, make_training, log_results, model_file, runs_of, capfd
):
    for name in ("a", "b", "c", "d"):
        make_training(Path("models/cnn", name), model_file, weights_sha256=name * 64)
    Path("models/cnn/a/training.json").write_text("{")
    Path("models/cnn/b/training.json").write_text("{}")
    Path("models/cnn/c/model.keras").unlink()
    log_results()
    assert [run.info.run_name for run in runs_of(client)] == ["d"]
    err = capfd.readouterr().err
    assert "did not log: results of a, results of b, results of c (" in err


def test_a_server_that_fails_is_given_up_after_two_items(
    checkout, make_training, log_results, model_file, unwritable, monkeypatch, capfd
):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", unwritable)
    for name in ("a", "b", "c"):
        make_training(Path("models/cnn", name), model_file, weights_sha256=name * 64)
    log_results()
    assert "did not log: results of a, results of b, results of c (" in capfd.readouterr().err
    details = (checkout / "logs/mlflow-errors.log").read_text()
    assert re.findall(r"^\S+ \S+ (results of .)$", details, re.M) == [
        "results of a",
        "results of b",
    ]
