"""Results are logged from files: what is missing, once, after any failure of the store."""

import json
import re
import subprocess
from pathlib import Path

import numpy as np
import pytest

from src.common import paths
from src.common.files import read_json, write_json
from src.tracking import sync as sync_module
from src.tracking.sync import sync


@pytest.fixture
def logged(client, folder, log_training, runs_of):
    """Log a training completely; return its run."""

    def log():
        log_training(folder)
        assert sync()
        (run,) = runs_of(client)
        return run

    return log


def test_a_training_is_one_run(client, checkout, logged, monkeypatch, capfd):
    monkeypatch.setenv("DVC_EXP_NAME", "bold-move")
    git = ["git", "-c", "user.name=A", "-c", "user.email=a@example.org"]
    subprocess.run(["git", "init", "-q"], check=True)
    subprocess.run([*git, "commit", "-q", "--allow-empty", "-m", "empty"], check=True)
    commit = subprocess.check_output(["git", "rev-parse", "HEAD"], text=True).strip()
    run = logged()
    assert capfd.readouterr().err == ""
    assert (run.info.run_name, run.info.status) == ("cnn", "FINISHED")
    expected = {"family": "cnn", "filters": "[32, 64]", "optimizer.kind": "sgd", "epochs": "2"}
    expected |= {"optimizer.learning_rate": "0.01", "train.seed": "1", "parameter_count": "93"}
    assert expected.items() <= run.data.params.items()
    tags = {"recipe": "cnn", "weights_sha256": "cd" * 32, "dataset_digest": "d1" * 32}
    tags |= {"device": "cpu", "threads": "2", "processor": "P1, 2 cores", "dvc_exp": "bold-move"}
    tags |= {"versions.python": "3.11.0", "versions.tensorflow": "2.21.0"}
    tags |= {"mlflow.source.git.commit": commit, "mlflow.source.name": "dvc.yaml:train@cnn"}
    assert tags.items() <= run.data.tags.items()
    assert not {"restored", "edited", "changes"} & run.data.tags.keys()
    values = {"loss": 0.3, "val_loss": 0.2, "val_accuracy": 0.9, "train_learning_rate": 0.001}
    assert run.data.metrics == values | {"training_seconds": 4.5}
    files = {file.path for file in client.list_artifacts(run.info.run_id)}
    assert files == {"history.csv", "training.json"}
    assert Path(checkout, "mlruns", run.info.run_id, "artifacts", "history.csv").is_file()


def test_the_logged_model_predicts_from_raw_images(client, folder, logged):
    import mlflow

    from src.common.tensorflow import keras

    run = logged()
    mlflow.set_tracking_uri(client.tracking_uri)
    model = mlflow.pyfunc.load_model(f"runs:/{run.info.run_id}/cnn")
    images = np.arange(4 * 6 * 5, dtype=np.uint8).reshape(4, 6, 5)
    predicted = model.predict(images)
    logits = np.asarray(keras.models.load_model(folder / "model.keras")(images))
    assert predicted["class"].tolist() == logits.argmax(axis=1).tolist()
    assert predicted["label"].tolist() == [["0", "1", "2"][each] for each in predicted["class"]]
    probabilities = predicted["probabilities"]
    assert (probabilities.dtype, probabilities.shape) == (np.float32, (4, 3))
    np.testing.assert_allclose(probabilities, keras.ops.softmax(logits), rtol=1e-5)
    outputs = {each.name: each.shape for each in model.metadata.signature.outputs.inputs}
    assert outputs == {"class": (-1,), "label": (-1,), "probabilities": (-1, 3)}

    logged_files = Path(mlflow.artifacts.download_artifacts(f"runs:/{run.info.run_id}/cnn"))
    assert (logged_files / "data/model.keras").read_bytes() == (folder / "model.keras").read_bytes()
    requirements = (logged_files / "requirements.txt").read_text()
    assert requirements.startswith(f"mlflow=={mlflow.__version__}\n")
    (logged_model,) = client.search_logged_models([run.info.experiment_id])
    assert {m.key: m.value for m in logged_model.metrics} == run.data.metrics
    datasets = {m.key: m.dataset_name for m in logged_model.metrics}
    assert (datasets["loss"], datasets["val_loss"]) == ("mnist-train", "mnist-validation")


@pytest.fixture
def processed():
    """The preprocessed data of the training; return its first validation image."""
    images = np.arange(2 * 6 * 5, dtype=np.uint8).reshape(2, 6, 5)
    for split, folder in paths.SPLIT_FOLDERS.items():
        write_json(paths.PROCESSED / folder / f"{split}_digests.json", {"images": split})
    write_json(paths.PROCESSED / "training/dataset.json", {"digest": "d1" * 32})
    np.save(paths.PROCESSED / "training/validation_images.npy", images)
    return images[:1]


def test_the_data_gives_digests_of_the_splits_and_an_example(client, processed, logged):
    from mlflow.models import Model

    run = logged()
    digests = {each.dataset.name: each.dataset.digest for each in run.inputs.dataset_inputs}
    assert len({*digests.values(), "d1d1d1d1"}) == 3
    (model,) = client.search_logged_models([run.info.experiment_id])
    path = model.artifact_location.removeprefix("file://").replace("%20", " ")
    np.testing.assert_array_equal(Model.load(path).load_input_example(path), processed)


def test_a_training_from_elsewhere_is_logged_as_restored(client, results, runs_of):
    import mlflow

    for _ in range(2):
        assert sync()
    (run,) = runs_of(client)
    assert run.data.tags["restored"] == "true" and "processor" not in run.data.tags
    assert "training_seconds" not in run.data.metrics
    assert (run.data.metrics["val_accuracy"], run.data.metrics["test_accuracy"]) == (0.9, 0.91)
    curve = client.get_metric_history(run.info.run_id, "val_loss")
    assert sorted(each.step for each in curve) == [215, 430, 860]
    plots = {Path(file.path).name for file in client.list_artifacts(run.info.run_id, "plots")}
    assert plots == {"confusion.png", "curves.png", "first_layer.png", "mistakes.png"}
    assert len(run.data.metrics) <= 8 and "test_ci_low" not in run.data.metrics
    results = mlflow.artifacts.load_dict(f"{run.info.artifact_uri}/metrics/test.json")
    assert {"accuracy", "ci_low", "ci_high", "weights_sha256"} <= results.keys()


def test_changed_test_results_and_images_replace_the_old_ones(
    client, results, processed, make_evaluation, runs_of
):
    assert sync()
    write_json(paths.PROCESSED / "test/test_digests.json", {"images": "others"})
    make_evaluation({"cnn": 0.91001})  # the same four digits
    assert sync()
    (run,) = runs_of(client)
    assert run.data.metrics["test_accuracy"] == 0.91001
    (model,) = client.search_logged_models([run.info.experiment_id])
    digests = {m.value: m.dataset_digest for m in model.metrics if m.key == "test_accuracy"}
    assert digests[0.91001] != digests[0.91]
    (version,) = client.search_model_versions("name = 'mnist-classifier'")
    assert version.tags["test_accuracy"] == "0.910010"
    assert "Test accuracy **0.9100**" in version.description


def test_a_mistake_in_the_parameters_is_said_and_the_results_are_logged(
    client, results, runs_of, capfd
):
    paths.PARAMS.write_text("model: [")
    with pytest.raises(SystemExit):
        sync_module.main()
    out, err = capfd.readouterr()
    assert out == "" and "did not log: results of cnn (params.yaml" in err
    assert [run.data.metrics["test_accuracy"] for run in runs_of(client)] == [0.91]


def test_a_model_with_other_class_names_is_logged_again(client, logged, folder):
    run = logged()
    record = read_json(folder / "training.json", "train")
    record["dataset"]["class_names"] = ["zero", "one", "two"]
    write_json(folder / "training.json", record)
    assert sync() and sync()
    (model,) = client.search_logged_models([run.info.experiment_id])
    path = model.artifact_location.removeprefix("file://").replace("%20", " ")
    text = Path(path, "MLmodel").read_text()
    assert "zero" in text


def test_what_was_deleted_in_mlflow_is_logged_again(client, logged, runs_of):
    old = logged()
    (model,) = client.search_logged_models([old.info.experiment_id])
    client.delete_logged_model(model.model_id)
    assert sync()
    assert runs_of(client)[0].info.run_id == old.info.run_id
    assert len(client.search_logged_models([old.info.experiment_id])) == 1
    client.delete_run(old.info.run_id)
    assert sync()
    (new,) = runs_of(client)
    assert "restored" not in new.data.tags
    assert new.info.start_time == old.info.start_time
    client.delete_experiment(new.info.experiment_id)
    assert sync()
    assert new.info.run_id in [run.info.run_id for run in runs_of(client)]


STORES = {"refusing": "Connection refused", "mute": "timeout", "garbage": "not a database"}


@pytest.mark.parametrize("store", STORES)
def test_what_a_failing_store_lacks_is_logged_later(
    request, client, checkout, folder, results, log_training, runs_of, monkeypatch, capfd, store
):
    uri = request.getfixturevalue(store)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    monkeypatch.setenv("HTTP_PROXY", "http://proxy.invalid")  # not for a server on localhost
    monkeypatch.setenv("DVC_EXP_NAME", "bold-move")
    log_training(folder)
    assert not sync()
    out, err = capfd.readouterr()
    assert out == ""
    shown = re.sub(r"//.*@", "//***@", uri).split("?")[0]
    items = ["t", "results of cnn"]  # the trainings, or one of them
    for warning, item in zip(err.splitlines(), items, strict=True):
        assert warning.startswith(f"warning: MLflow at {shown}")
        assert f" did not log: {item}" in warning and STORES[store] in warning
        assert "`make sync` logs what is missing" in warning
    details = (checkout / "logs/mlflow-errors.log").read_text()
    assert "Traceback" in details and STORES[store] in details
    assert "secret" not in err + details
    assert runs_of(client) == []

    monkeypatch.setenv("MLFLOW_TRACKING_URI", "")
    monkeypatch.setenv("DVC_EXP_NAME", "another")
    sync_module.main()
    assert "has all results" in capfd.readouterr().out
    (run,) = runs_of(client)
    assert (run.info.run_name, run.data.tags["dvc_exp"]) == ("cnn", "bold-move")
    (note,) = [json.loads(path.read_text()) for path in checkout.glob("logs/trainings/*.json")]
    assert run.info.start_time == note["start"]
    assert run.info.end_time == note["start"] + 4500
    assert run.data.metrics["test_accuracy"] == 0.91
    champion = client.get_model_version_by_alias("mnist-classifier", "champion")
    assert champion.tags["recipe"] == "cnn"


@pytest.mark.parametrize("fails", ["log_inputs", "set_terminated"])
def test_an_incomplete_run_is_completed(
    client, folder, log_training, runs_of, monkeypatch, capfd, fails
):
    with monkeypatch.context() as patch:
        patch.setattr(type(client), fails, lambda *_, **__: 1 / 0)
        log_training(folder)
        assert not sync()
    assert "did not log: training of cnn (division by zero" in capfd.readouterr().err
    (before,) = runs_of(client)
    assert before.info.status == "RUNNING"
    assert sync()
    (run,) = runs_of(client)
    assert (run.info.run_id, run.info.status) == (before.info.run_id, "FINISHED")
    models = client.search_logged_models([run.info.experiment_id])
    assert [model.status for model in models] == ["READY"]


def test_damaged_trainings_and_refused_items_do_not_block_the_others(
    client, checkout, make_training, model_file, runs_of, monkeypatch, capfd
):
    create_run = type(client).create_run

    def refuse(self, experiment, start, tags, name):
        return 1 / 0 if name == "c" else create_run(self, experiment, start, tags, name)

    monkeypatch.setattr(type(client), "create_run", refuse)
    for name in ("a", "b", "c", "d"):
        make_training(Path("models/cnn", name), model_file, weights_sha256=name * 64)
    Path("models/cnn/a/training.json").write_text("{")
    Path("models/cnn/b/training.json").write_text("{}")
    assert not sync()
    assert [run.info.run_name for run in runs_of(client)] == ["d"]
    assert "did not log: results of a, b, c (" in capfd.readouterr().err
