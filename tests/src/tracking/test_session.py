"""What a stage logs, in a real store; and what becomes of it where the store fails."""

import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from src.common.errors import PipelineError
from src.tracking.session import Session
from tests.trainings import (
    CLASSES,
    DIGEST,
    HEIGHT,
    ROW,
    WIDTH,
    log_evaluation,
    log_training,
    make_training,
    run_config,
    runs_of,
)

ROOT = Path(__file__).parents[3]


def test_a_training_is_one_run(client, checkout, folder, monkeypatch, capfd):
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
        "kernel": "3",
        "activation": "relu",
        "hidden": "[20]",
        "optimizer.kind": "sgd",
        "optimizer.learning_rate": "0.01",
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
        "dataset_digest": DIGEST,
        "device": "cpu",
        "compile": "xla",
        "precision": "float32",
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
        "learning_rate": 0.001,
    }
    (logged,) = run.inputs.dataset_inputs
    assert (logged.dataset.name, logged.dataset.digest) == ("mnist", DIGEST[:8])
    files = {file.path for file in client.list_artifacts(run.info.run_id)}
    assert files == {"history.csv", "training.json"}
    assert Path(checkout, "mlruns", run.info.run_id, "artifacts", "history.csv").is_file()


def test_a_run_is_seen_while_its_training_goes_on(client, folder):
    session = Session()
    session.begin(run_config(folder))
    session.rows([ROW])
    (run,) = runs_of(client)
    assert (run.info.status, run.data.metrics["loss"]) == ("RUNNING", 2.4)
    time.sleep(2.5)
    session.end(str(folder))
    (run,) = runs_of(client)
    assert run.info.status == "FINISHED"
    assert 0 <= run.data.metrics["system/cpu_utilization_percentage"] <= 100
    curve = client.get_metric_history(run.info.run_id, "val_loss")
    assert [(point.step, point.value) for point in curve] == [(215, 2.3), (430, 0.4), (860, 0.2)]


def test_a_training_without_an_end_is_a_failed_run(client, folder):
    session = Session()
    session.begin(run_config(folder))
    session.close()
    (run,) = runs_of(client)
    assert run.info.status == "FAILED"


def test_the_model_predicts_from_raw_images(client, folder):
    import keras
    import mlflow

    log_training(folder)

    (run,) = runs_of(client)
    mlflow.set_tracking_uri(client.tracking_uri)
    uri = f"runs:/{run.info.run_id}/model"
    model = mlflow.pyfunc.load_model(uri)
    images = np.arange(4 * HEIGHT * WIDTH, dtype=np.uint8).reshape(4, HEIGHT, WIDTH)
    told = model.predict(images)
    logits = np.asarray(keras.models.load_model(folder / "model.keras")(images))
    assert told["digit"].tolist() == logits.argmax(axis=1).tolist()
    assert (told["probabilities"].dtype, told["probabilities"].shape) == (np.float32, (4, CLASSES))
    np.testing.assert_allclose(told["probabilities"], keras.ops.softmax(logits), rtol=1e-5)
    for wrong in (images.astype(np.float64), images[:, :3], images[0]):
        with pytest.raises(mlflow.MlflowException, match="schema"):
            model.predict(wrong)
    np.testing.assert_allclose(mlflow.keras.load_model(uri)(images), logits, rtol=1e-5)

    logged = Path(mlflow.artifacts.download_artifacts(model.metadata.get_model_info().model_uri))
    assert (logged / "data/model.keras").read_bytes() == (folder / "model.keras").read_bytes()
    pinned = (logged / "requirements.txt").read_text().split()
    assert pinned == [
        f"mlflow=={mlflow.__version__}",
        "tensorflow==2.21.0",
        "keras==3.15.1",
        "numpy==2.4.6",
    ]
    (page,) = client.search_logged_models([run.info.experiment_id])
    assert page.status == "READY"
    own = {k: v for k, v in run.data.metrics.items() if not k.startswith("system/")}
    assert {m.key: m.value for m in page.metrics} == own


def test_a_stand_in_has_an_experiment_of_its_own(client, tmp_path, model_file):
    log_training(make_training(tmp_path / "models/mlp", model_file, is_fallback=True))
    assert [r.info.run_name for r in runs_of(client, "digits (fallback for mnist)")] == ["mlp"]
    assert client.get_experiment_by_name("digits") is None


def test_test_figures_join_the_run_that_trained_the_weights(client, folder, tmp_path, capfd):
    picture = tmp_path / "cnn.png"
    picture.write_bytes(b"png")
    figures = {"test_accuracy": 0.91, "test_loss": 0.3}
    log_training(folder)
    log_training(folder)  # trained again, to the same weights
    newest = runs_of(client)[0].info.run_id

    for _ in range(2):
        log_evaluation(folder, figures, confusion=picture)

    assert capfd.readouterr() == ("", "")
    run, older = runs_of(client)
    assert (run.info.run_id, run.info.status) == (newest, "FINISHED")
    assert figures.items() <= run.data.metrics.items()
    assert "test_accuracy" not in older.data.metrics
    assert len(client.get_metric_history(newest, "test_accuracy")) == 1
    files = [file.path for file in client.list_artifacts(newest, "pictures")]
    assert files == ["pictures/confusion.png"]


def test_changed_test_figures_replace_the_old(client, folder):
    for accuracy in (0.91, 0.89):
        log_evaluation(folder, {"test_accuracy": accuracy})
    (run,) = runs_of(client)
    assert run.data.metrics["test_accuracy"] == 0.89


def test_a_store_without_the_run_gets_it_as_restored(client, folder):
    log_training(folder)
    client.delete_run(runs_of(client)[0].info.run_id)
    for _ in range(2):
        log_evaluation(folder, {"test_accuracy": 0.91})
    (run,) = runs_of(client)
    assert run.data.tags["restored"] == "true"
    assert run.data.metrics["val_accuracy"] == 0.9
    assert run.data.metrics["test_accuracy"] == 0.91
    curve = client.get_metric_history(run.info.run_id, "val_loss")
    assert [point.step for point in curve] == [215, 430, 860]
    assert np.diff([point.timestamp for point in curve]) == pytest.approx([2000, 2000], abs=2)


def compare(*folders: Path, best: str, minimum: float = 0.5) -> None:
    """Log as the compare stage does, in this process."""
    session = Session()
    session.comparison(
        records={each.name: json.loads((each / "training.json").read_text()) for each in folders},
        results={each.name: [f"Test accuracy of {each.name}."] for each in folders},
        table={"recipe": [each.name for each in folders], "test": ["0.9"] * len(folders)},
        text="| recipe |\n| --- |\n| cnn |\n",
        best=best,
        minimum=minimum,
    )
    session.close()


def test_a_comparison_is_a_run_and_a_result_for_each_run(client, folder, capfd):
    log_training(folder)
    compare(folder, best="cnn")
    told = capfd.readouterr()
    assert told.err == ""
    assert told.out == (
        "MLflow: cnn, version 1 of mnist-classifier, is the first champion: "
        "validation accuracy 0.9000\n"
    )
    comparison, training = runs_of(client)
    assert comparison.info.run_name == "comparison of 1"
    assert comparison.data.tags["mlflow.note.content"].startswith("| recipe |")
    table = client.load_table(comparison.info.experiment_id, "comparison.json")
    assert table.recipe.tolist() == ["cnn"]
    assert "Test accuracy of cnn." in training.data.tags["mlflow.note.content"]
    assert "convolutions (32, 64)" in training.data.tags["mlflow.note.content"]


STORES = {
    "refusing": "Connection refused",
    "mute": "timed out",
    "failing": "503",
    "folder_as_store": "unable to open",
    "garbage": "not a database",
    "locked": "locked",
    "file_store": "file",
}


@pytest.mark.parametrize("store", STORES)
def test_what_a_store_does_not_take_is_kept_and_sent_later(
    request, client, checkout, folder, monkeypatch, capfd, store
):
    uri = request.getfixturevalue(store)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    monkeypatch.setenv("DVC_EXP_NAME", "bold-move")

    log_training(folder)
    log_evaluation(folder, {"test_accuracy": 0.91})
    compare(folder, best="cnn")

    out, err = capfd.readouterr()
    assert out == ""
    training, figures, comparison = err.splitlines()
    assert training.startswith("warning: not logged in MLflow yet: training of cnn, to ")
    assert figures.startswith("warning: not logged in MLflow yet: test figures of cnn, to ")
    assert comparison.startswith("warning: not logged in MLflow yet: comparison, to ")
    for line in (training, figures, comparison):
        assert re.sub(r"//.*@", "//***@", uri).split("?")[0] in line
        assert STORES[store] in line
        assert "secret" not in line
    assert runs_of(client) == []
    with pytest.raises(PipelineError, match="does not take what is kept") as refused:
        Session().send()
    assert "secret" not in str(refused.value)

    monkeypatch.setenv("MLFLOW_TRACKING_URI", "")
    monkeypatch.setenv("DVC_EXP_NAME", "another")
    Session().close()

    assert capfd.readouterr().out.splitlines()[-1] == (
        "MLflow: sent 3 messages that had been kept in .unsent"
    )
    _, run = runs_of(client)
    assert (run.info.run_name, run.data.tags["dvc_exp"]) == ("cnn", "bold-move")
    assert run.data.metrics["test_accuracy"] == 0.91
    champion = client.get_model_version_by_alias("mnist-classifier", "champion")
    assert champion.tags["recipe"] == "cnn"
    Session().close()
    assert capfd.readouterr() == ("", "")
    Session().send()
    assert capfd.readouterr().out == "MLflow: sent nothing that had been kept in .unsent\n"


@pytest.mark.parametrize("fails", ["log_inputs", "log_outputs", "set_terminated"])
def test_a_store_that_fails_midway_has_one_run_afterwards(
    client, checkout, folder, monkeypatch, capfd, fails
):
    session = Session()
    monkeypatch.setattr(type(client), fails, lambda *ignored, **named: 1 / 0)
    session.begin(run_config(folder))
    session.end(str(folder))
    session.close()
    assert "training of cnn" in capfd.readouterr().err
    assert [run.info.status for run in runs_of(client)] == ["RUNNING"]
    monkeypatch.undo()
    monkeypatch.setenv("DVC_ROOT", str(checkout))
    Session().close()
    assert [run.info.status for run in runs_of(client)] == ["FINISHED"]
    (experiment,) = {run.info.experiment_id for run in runs_of(client)}
    assert len(client.search_logged_models([experiment])) == 1


@pytest.fixture
def stage(checkout, folder):
    """A process that logs as a stage does, and then does what it is told."""

    def run(code: str = "", uri: str = "") -> subprocess.Popen:
        lines = (
            "import os, sys, time",
            "from src import tracking",
            "with tracking.background_logger() as log:",
            f"    log('begin', record={run_config(folder)!r})",
            f"    {code or 'pass'}",
            f"    log('end', folder={str(folder)!r})",
        )
        environment = os.environ | {"PYTHONPATH": str(ROOT), "MLFLOW_TRACKING_URI": uri}
        return subprocess.Popen(
            [sys.executable, "-c", "\n".join(lines)],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    return run


def test_trainings_at_once_make_one_store(checkout, stage):
    several = [stage(), stage(), stage()]
    assert [process.communicate()[0] for process in several] == ["", "", ""]

    from mlflow import MlflowClient

    client = MlflowClient(f"sqlite:///{checkout / 'mlflow.db'}")
    assert [run.info.status for run in runs_of(client)] == ["FINISHED"] * 3
    assert not (Path.cwd() / "mlruns").exists()


def test_logging_needs_no_tensorflow(client, folder):
    code = (
        "import sys; from tests.trainings import log_training; from pathlib import Path\n"
        "log_training(Path(sys.argv[1])); print('tensorflow' in sys.modules)"
    )
    command = [sys.executable, "-c", code, str(folder)]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    assert subprocess.check_output(command, env=environment, text=True) == "False\n"
    assert len(runs_of(client)) == 1


def test_a_stage_that_fails_ends_with_its_own_sentence(client, stage):
    process = stage("sys.exit('error: a sentence')")
    assert process.communicate()[0] == "error: a sentence\n"
    assert process.returncode == 1
    assert [run.info.status for run in runs_of(client)] == ["FAILED"]


def test_a_logging_process_that_dies_is_a_warning(stage):
    process = stage("os.system(f'pkill -9 -P {os.getpid()} -f src.tracking')")
    told = process.communicate()[0]
    assert told == "warning: not all is logged in MLflow; nothing else is lost\n"
    assert process.returncode == 0


def test_a_stage_that_is_killed_leaves_no_process(client, stage):
    process = stage("time.sleep(60)")
    deadline = time.monotonic() + 30
    while not runs_of(client) and time.monotonic() < deadline:
        time.sleep(0.1)
    process.kill()
    process.communicate(timeout=30)  # the end of its output: no process has it open
    assert [run.info.status for run in runs_of(client)] == ["FAILED"]
