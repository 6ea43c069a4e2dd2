"""The evaluation of a trained model on a test split."""

import shutil

import numpy as np
import pytest

from src.common.errors import PipelineError
from src.common.files import write_json
from src.evaluation.evaluation import evaluate_model
from src.models import artifacts


@pytest.fixture(scope="module")
def folder(save_tiny_training, tmp_path_factory):
    folder = tmp_path_factory.mktemp("models") / "tiny"
    save_tiny_training(folder)
    return folder


@pytest.fixture(scope="module")
def evaluation(folder, digits):
    images, labels = digits
    return evaluate_model(folder, (images[100:500], labels[100:500]))


def test_metrics_confusion_matrix_and_predictions_agree(evaluation):
    metrics, confusion = evaluation.metrics, evaluation.confusion
    assert metrics["accuracy"] == np.trace(confusion) / 400
    assert metrics["accuracy"] + metrics["error_rate"] == pytest.approx(1)
    assert metrics["ci_low"] < metrics["accuracy"] < metrics["ci_high"]
    rows = evaluation.predictions
    assert (rows.actual == rows.predicted).mean() == metrics["accuracy"]
    assert rows.probability.between(0.1, 1).all()


def test_precision_and_recall_of_each_class(evaluation):
    confusion = evaluation.confusion
    np.testing.assert_allclose(
        evaluation.per_class.recall, confusion.diagonal() / confusion.sum(axis=1)
    )
    np.testing.assert_allclose(
        evaluation.per_class.precision, confusion.diagonal() / confusion.sum(axis=0)
    )
    assert evaluation.per_class.images.sum() == 400
    assert evaluation.per_class.label.tolist() == list("0123456789")


def test_the_accuracy_of_the_last_epoch_is_the_test_accuracy(evaluation):
    assert list(evaluation.by_epoch.epoch) == [1, 2]
    assert evaluation.by_epoch.accuracy.iloc[-1] == evaluation.metrics["accuracy"]
    assert evaluation.by_epoch.accuracy.iloc[0] != evaluation.metrics["accuracy"]


def test_a_model_from_its_file_has_the_accuracy_of_the_trained_one(folder, digits):
    images, labels = digits
    metrics = evaluate_model(folder, (images[:100], labels[:100])).metrics  # the validation split
    assert metrics["accuracy"] == artifacts.load_record(folder)["val_accuracy"]


def test_the_evaluated_model_has_the_weights_of_its_record(evaluation, folder):
    record = artifacts.load_record(folder)
    assert artifacts.weights_sha256(evaluation.model) == record["weights_sha256"]
    assert list(evaluation.metrics.items())[-1] == ("weights_sha256", record["weights_sha256"])


def test_a_model_for_another_image_size_is_refused(folder):
    other = np.zeros((5, 8, 8), np.uint8), np.zeros(5, np.uint8)
    with pytest.raises(PipelineError, match=r"for images of \(28, 28\) pixels"):
        evaluate_model(folder, other)


def test_the_balanced_accuracy_is_the_mean_over_the_classes(folder, digits, tmp_path):
    images, labels = digits
    copy = shutil.copytree(folder, tmp_path / "tiny")
    record = artifacts.load_record(copy)
    record["dataset"]["unequal_classes"] = True
    write_json(copy / artifacts.RECORD, record)
    rare = (labels > 1) | (np.arange(len(labels)) < 50)
    evaluation = evaluate_model(copy, (images[rare], labels[rare]))
    expected = evaluation.per_class.recall.mean()
    assert evaluation.metrics["balanced_accuracy"] == pytest.approx(expected)
    assert expected != evaluation.metrics["accuracy"]
