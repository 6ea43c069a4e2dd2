"""The evaluation of a trained model on a test split."""

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from src.common import paths
from src.common.files import write_json
from src.evaluation.evaluation import evaluate_model, write_outputs
from src.evaluation.tables import read_evaluations, write_csv
from src.models import artifacts
from src.models.inference import Predictor
from src.models.metrics import fit_temperature


@pytest.fixture(scope="module")
def folder(save_tiny_training, tmp_path_factory):
    folder = tmp_path_factory.mktemp("checkout") / "models/softmax/tiny"
    save_tiny_training(folder)
    return folder


@pytest.fixture(scope="module")
def evaluation(folder, digits):
    images, labels = digits
    return evaluate_model(folder, (images[100:500], labels[100:500]), "test")


@pytest.fixture
def change_record(folder, tmp_path):
    """Copy the training, and change its record; return the folder of the copy."""

    def change(**changes):
        copy = shutil.copytree(folder, tmp_path / "tiny")
        write_json(copy / artifacts.RECORD, artifacts.load_record(copy) | changes)
        return copy

    return change


def test_metrics_and_predictions_agree(evaluation, folder):
    metrics, rows = evaluation.metrics, evaluation.predictions
    assert metrics["accuracy"] + metrics["error_rate"] == pytest.approx(1)
    assert metrics["errors"] == (rows.actual != rows.predicted).sum()
    assert metrics["ci_low"] < metrics["accuracy"] < metrics["ci_high"]
    assert metrics["model_bytes"] == len((folder / artifacts.MODEL).read_bytes())
    assert list(metrics.items())[-1] == (
        "weights_sha256",
        artifacts.weights_sha256(evaluation.model),
    )
    assert (rows.actual == rows.predicted).mean() == metrics["accuracy"]
    assert rows.probability.between(0.1, 1).all()


def test_precision_and_recall_of_each_class(evaluation):
    rows, per_class = evaluation.predictions, evaluation.per_class
    confusion = pd.crosstab(rows.actual, rows.predicted).to_numpy()
    np.testing.assert_allclose(per_class.recall, confusion.diagonal() / confusion.sum(axis=1))
    np.testing.assert_allclose(per_class.precision, confusion.diagonal() / confusion.sum(axis=0))
    assert per_class.images.sum() == 400
    assert per_class.label.tolist() == list("0123456789")


def test_the_accuracy_of_the_last_epoch_is_the_test_accuracy(evaluation):
    assert list(evaluation.by_epoch.epoch) == [1, 2]
    assert evaluation.by_epoch.accuracy.iloc[-1] == evaluation.metrics["accuracy"]
    assert evaluation.by_epoch.accuracy.iloc[0] != evaluation.metrics["accuracy"]


def test_a_model_from_its_file_has_the_accuracy_of_the_trained_one(folder, digits):
    images, labels = digits
    validation = images[:200], labels[:200]
    metrics = evaluate_model(folder, validation, "test").metrics
    assert metrics["accuracy"] == artifacts.load_record(folder)["val_accuracy"]


def test_the_balanced_accuracy_is_the_mean_over_the_classes(folder, digits, change_record):
    images, labels = digits
    dataset = artifacts.load_record(folder)["dataset"] | {"unequal_classes": True}
    rare = (labels > 1) | (np.arange(len(labels)) < 50)
    test = images[rare], labels[rare]
    evaluation = evaluate_model(change_record(dataset=dataset), test, "test")
    expected = evaluation.per_class.recall.mean()
    assert evaluation.metrics["balanced_accuracy"] == pytest.approx(expected)
    assert expected != evaluation.metrics["accuracy"]


def test_the_temperature_of_the_record_changes_only_calibrated_metrics(
    evaluation, digits, change_record
):
    images, labels = digits[0][100:500], digits[1][100:500]
    temperature = fit_temperature(Predictor(evaluation.model).logits(images), labels)
    changed_record = change_record(temperature=temperature)
    other = evaluate_model(changed_record, (images, labels), "test").metrics
    metrics = evaluation.metrics
    changed = {key for key in metrics if metrics[key] != other[key]}
    assert changed == {"temperature", "calibrated_ece", "calibrated_loss"}
    assert other["temperature"] == temperature
    assert other["calibrated_loss"] < metrics["calibrated_loss"]


def test_the_outputs_have_one_figure_for_all_recipes(evaluation, digits, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_outputs(iter([evaluation]), 1, digits[0][100:500])
    (read,) = read_evaluations(paths.PREDICTIONS).values()
    assert read.metrics == evaluation.metrics
    assert (read.record, read.history) == (evaluation.record, evaluation.history)
    assert_frame_equal(read.predictions, evaluation.predictions, check_dtype=False)
    assert paths.RELIABILITY.read_bytes()[:4] == b"\x89PNG"
    assert {path.name for path in Path("plots").iterdir()} == {
        *(folder.name for folder in paths.RECIPE_PLOTS),
        "reliability.png",
    }


def test_a_table_is_written_without_its_index_and_with_6_digits(tmp_path):
    write_csv(tmp_path / "folder/a.csv", pd.DataFrame({"x": [1, 2], "y": [0.12345678, 2.0]}))
    assert (tmp_path / "folder/a.csv").read_text() == "x,y\n1,0.123457\n2,2\n"
