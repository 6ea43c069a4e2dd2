"""A training is logged while it runs."""

import subprocess
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from src.common.files import write_json
from src.tracking import messages
from tests.fixtures.trainings import ENVIRONMENT, SECONDS, Stage

ROOT = Path(__file__).parents[3]


def test_a_clock_that_is_set_back_during_a_training_does_not_end_it_before_it_began(
    client, folder, log_training, runs_of, monkeypatch
):
    clock = iter(range(2_000_000_000, 0, -3600))
    times = SimpleNamespace(time=lambda: next(clock), monotonic=time.monotonic)
    monkeypatch.setattr(messages, "time", times)
    log_training(folder)
    (run,) = runs_of(client)
    assert run.info.start_time == 2e12 <= run.info.end_time


def test_a_training_is_one_run(client, checkout, folder, log_training, runs_of, monkeypatch, capfd):
    monkeypatch.setenv("DVC_EXP_NAME", "bold-move")
    monkeypatch.setenv("DVC_STAGE", "train@cnn")
    git = ["git", "-c", "user.name=A", "-c", "user.email=a@example.org"]
    subprocess.run(["git", "init", "-q"], check=True)
    subprocess.run([*git, "commit", "-q", "--allow-empty", "-m", "empty"], check=True)
    commit = subprocess.check_output(["git", "rev-parse", "HEAD"], text=True).strip()
    before = time.time()

    log_training(folder)

    assert capfd.readouterr() == ("", "")
    (run,) = runs_of(client)
    assert (run.info.run_name, run.info.status) == ("cnn", "FINISHED")
    assert before - 0.01 <= run.info.start_time / 1000 <= run.info.end_time / 1000
    assert run.info.end_time / 1000 <= time.time()
    assert run.data.params == {
        "family": "cnn",
        "filters": "[32, 64]",
        "kernel_size": "3",
        "activation": "relu",
        "hidden": "[20]",
        "optimizer": "sgd",
        "learning_rate": "0.01",
        "batch_size": "10",
        "epochs": "2",
        "train.device": "auto",
        "train.seed": "1",
        "parameters": "93",
    }
    tags = {k: v for k, v in run.data.tags.items() if k not in ("mlflow.user", "mlflow.runName")}
    note = tags.pop("mlflow.note.content")
    assert "**cnn**: 6 × 5 pixels → 3 × 3 convolutions (32, 64)" in note
    assert f"git checkout {commit}\n    dvc repro train@cnn" in note
    assert tags == {
        "recipe": "cnn",
        "recipe_sha256": "ab" * 32,
        "weights_sha256": "cd" * 32,
        "dataset_digest": "d1" * 32,
        "device": "cpu",
        "compile": "xla",
        "precision": "float32",
        "threads": "2",
        "processor": "P1, 2 cores",
        "versions": "python 3.11.0, tensorflow 2.21.0, keras 3.15.1, numpy 2.4.6",
        "dvc_exp": "bold-move",
        "dvc_stage": "train@cnn",
        "mlflow.source.name": "dvc.yaml:train@cnn",
        "mlflow.source.type": "LOCAL",
        "mlflow.source.git.commit": commit,
    }
    own = {k: v for k, v in run.data.metrics.items() if not k.startswith("system/")}
    assert own == {
        "loss": 0.3,
        "val_loss": 0.2,
        "val_accuracy": 0.9,
        "train_learning_rate": 0.001,
        "training_seconds": 4.5,
    }
    logged = {each.dataset.name: each for each in run.inputs.dataset_inputs}
    assert set(logged) == {"mnist-train", "mnist-validation"}
    for name, context in (("train", "training"), ("validation", "validation")):
        assert logged[f"mnist-{name}"].dataset.digest == "d1d1d1d1"  # the data is not here
        (tag,) = logged[f"mnist-{name}"].tags
        assert (tag.key, tag.value) == ("mlflow.data.context", context)
    files = {file.path for file in client.list_artifacts(run.info.run_id)}
    assert files == {"history.csv", "training.json"}
    assert Path(checkout, "mlruns", run.info.run_id, "artifacts", "history.csv").is_file()


def test_a_run_is_visible_while_its_training_runs(client, folder, run_config, runs_of):
    stage = Stage()
    stage.log("begin", config=run_config(folder), environment=ENVIRONMENT)
    row = {"step": 215, "loss": 2.4, "val_loss": 2.3, "val_accuracy": 0.1, "learning_rate": 0.01}
    stage.logger.rows([row | {"at": 1.7e9}])
    (run,) = runs_of(client)
    assert (run.info.status, run.data.metrics["loss"]) == ("RUNNING", 2.4)
    time.sleep(2.5)  # two samples of the system metrics
    stage.log("end", folder=str(folder), seconds=SECONDS)
    (run,) = runs_of(client)
    assert run.info.status == "FINISHED"
    assert 0 <= run.data.metrics["system/cpu_utilization_percentage"] <= 100
    assert not [key for key in run.data.metrics if "disk" in key or "network" in key]
    curve = client.get_metric_history(run.info.run_id, "val_loss")
    assert [(each.step, each.value) for each in curve] == [(215, 2.3), (430, 0.4), (860, 0.2)]
    assert curve[0].timestamp == 1_700_000_000_000


def test_a_training_without_an_end_is_a_failed_run(client, folder, run_config, runs_of):
    stage = Stage()
    stage.log("begin", config=run_config(folder), environment=ENVIRONMENT)
    stage.logger.close()
    (run,) = runs_of(client)
    assert run.info.status == "FAILED"


def test_a_complete_training_is_logged_only_if_it_is_not_there(
    client, checkout, folder, run_config, log_training, runs_of, monkeypatch
):
    def log_again() -> None:
        stage = Stage()
        stage.log("begin", config=run_config(folder), environment=ENVIRONMENT, complete=True)
        stage.log("end", folder=str(folder), seconds=SECONDS)

    log_training(folder)
    monkeypatch.setenv("DVC_EXP_NAME", "bold-move")
    log_again()
    (first,) = runs_of(client)
    client.delete_run(first.info.run_id)
    log_again()
    (again,) = runs_of(client)
    assert again.info.start_time == first.info.start_time  # of the training
    assert "dvc_exp" not in again.data.tags
    assert len([*checkout.glob("logs/trainings/*.json")]) == 1


def test_the_logged_model_predicts_from_raw_images(client, folder, log_training, runs_of):
    import keras
    import mlflow

    log_training(folder)

    (run,) = runs_of(client)
    mlflow.set_tracking_uri(client.tracking_uri)
    uri = f"runs:/{run.info.run_id}/model"
    model = mlflow.pyfunc.load_model(uri)
    images = np.arange(4 * 6 * 5, dtype=np.uint8).reshape(4, 6, 5)
    predicted = model.predict(images)
    logits = np.asarray(keras.models.load_model(folder / "model.keras")(images))
    classes = logits.argmax(axis=1)
    assert predicted["class"].tolist() == classes.tolist()
    assert predicted["label"].tolist() == [["0", "1", "2"][each] for each in classes]
    assert (predicted["probabilities"].dtype, predicted["probabilities"].shape) == (
        np.float32,
        (4, 3),
    )
    np.testing.assert_allclose(predicted["probabilities"], keras.ops.softmax(logits), rtol=1e-5)
    for wrong in (images.astype(np.float64), images[:, :3], images[0]):
        with pytest.raises(mlflow.MlflowException, match="; send uint8 images"):
            model.predict(wrong)

    logged = Path(mlflow.artifacts.download_artifacts(model.metadata.get_model_info().model_uri))
    assert (logged / "data/model.keras").read_bytes() == (folder / "model.keras").read_bytes()
    pinned = (logged / "requirements.txt").read_text().split()
    assert pinned == [
        f"mlflow=={mlflow.__version__}",
        "tensorflow==2.21.0",
        "keras==3.15.1",
        "numpy==2.4.6",
    ]
    (logged_model,) = client.search_logged_models([run.info.experiment_id])
    assert logged_model.status == "READY"
    own = {k: v for k, v in run.data.metrics.items() if not k.startswith("system/")}
    assert {m.key: m.value for m in logged_model.metrics} == own
    datasets = {m.key: m.dataset_name for m in logged_model.metrics}
    assert datasets == {
        **dict.fromkeys(("loss", "train_learning_rate", "training_seconds"), "mnist-train"),
        **dict.fromkeys(("val_loss", "val_accuracy"), "mnist-validation"),
    }


def test_the_data_gives_digests_of_the_splits_and_an_example(client, folder, log_training, runs_of):
    from mlflow.models import Model

    processed = Path("data/processed/training")
    processed.mkdir(parents=True)
    write_json(processed / "dataset.json", {"digest": "d1" * 32})
    write_json(processed / "train_digests.json", {"images": "1", "labels": "2"})
    write_json(processed / "validation_digests.json", {"images": "3", "labels": "4"})
    images = np.arange(2 * 6 * 5, dtype=np.uint8).reshape(2, 6, 5)
    np.save(processed / "validation_images.npy", images)
    log_training(folder)
    (run,) = runs_of(client)
    digests = {each.dataset.name: each.dataset.digest for each in run.inputs.dataset_inputs}
    assert len({*digests.values(), "d1d1d1d1"}) == 3
    for name, digest in digests.items():  # as in a search in the UI
        search = f"dataset.name = '{name}' and dataset.digest = '{digest}'"
        assert len(client.search_runs([run.info.experiment_id], search)) == 1
    (logged,) = client.search_logged_models([run.info.experiment_id])
    path = logged.artifact_location.removeprefix("file://").replace("%20", " ")
    example = Model.load(path).load_input_example(path)
    np.testing.assert_array_equal(example, images[:1])


def test_uncommitted_changes_are_an_artifact(client, folder, log_training, runs_of):
    git = ["git", "-c", "user.name=A", "-c", "user.email=a@example.org"]
    Path("src").mkdir()
    Path("src/code.py").write_text("x = 1\n")
    subprocess.run(["git", "init", "-q"], check=True)
    subprocess.run(["git", "add", "src"], check=True)
    subprocess.run([*git, "commit", "-qm", "one"], check=True)
    Path("src/code.py").write_text("x = 2\n")
    log_training(folder)
    (run,) = runs_of(client)
    assert "code.patch" in [file.path for file in client.list_artifacts(run.info.run_id)]
    patch = client.download_artifacts(run.info.run_id, "code.patch")
    assert "-x = 1\n+x = 2\n" in Path(patch).read_text()
    assert run.data.tags["edited"] == "code.patch"
    assert "git apply code.patch" in run.data.tags["mlflow.note.content"]


def test_concurrent_trainings_create_one_store(checkout, stage, runs_of):
    several = [stage(), stage(), stage()]
    assert [process.communicate()[0] for process in several] == ["", "", ""]

    from mlflow import MlflowClient

    client = MlflowClient(f"sqlite:///{checkout / 'mlflow.db'}")
    assert [run.info.status for run in runs_of(client)] == ["FINISHED"] * 3
    assert not (Path.cwd() / "mlruns").exists()


def test_a_stage_that_fails_prints_only_its_own_message(client, stage, runs_of):
    process = stage("sys.exit('error: a sentence')")
    assert process.communicate()[0] == "error: a sentence\n"
    assert process.returncode == 1
    assert [run.info.status for run in runs_of(client)] == ["FAILED"]


def test_a_background_process_that_dies_is_a_warning(stage):
    process = stage("os.system(f'pkill -9 -P {os.getpid()} -f src.tracking')")
    assert process.communicate()[0] == (
        "warning: logging to MLflow stopped early; `make send` logs what is missing; "
        "no other result is affected\n"
    )
    assert process.returncode == 0


def test_a_stage_that_is_killed_leaves_no_process(client, stage, runs_of):
    process = stage("time.sleep(60)")
    deadline = time.monotonic() + 30
    while not runs_of(client) and time.monotonic() < deadline:
        time.sleep(0.1)
    process.kill()
    process.communicate(timeout=30)  # returns when no process has the output open
    assert [run.info.status for run in runs_of(client)] == ["FAILED"]
