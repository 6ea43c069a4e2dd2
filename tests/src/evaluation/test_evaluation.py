"""Figures of a trained model on a test split."""

import numpy as np
import pytest

from src.common.errors import PipelineError
from src.evaluation.evaluation import Evaluation
from src.models import artifacts


@pytest.fixture(scope="module")
def folder(save_tiny_training, tmp_path_factory):
    folder = tmp_path_factory.mktemp("models") / "tiny"
    save_tiny_training(folder)
    return folder


@pytest.fixture(scope="module")
def evaluation(folder, digits):
    images, labels = digits
    return Evaluation(folder, (images[100:500], labels[100:500]), (images[:100], labels[:100]))


def test_the_figures_agree_with_each_other(evaluation):
    figures, confusion = evaluation.metrics, evaluation.confusion
    assert figures["accuracy"] == np.trace(confusion) / 400
    assert figures["accuracy"] + figures["error_rate"] == pytest.approx(1)
    assert figures["ci_low"] < figures["accuracy"] < figures["ci_high"]
    rows = evaluation.predictions
    assert (rows.actual == rows.predicted).mean() == figures["accuracy"]
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


def test_the_accuracy_of_the_last_epoch_is_the_models(evaluation):
    assert list(evaluation.by_epoch.epoch) == [1, 2]
    assert evaluation.by_epoch.accuracy.iloc[-1] == evaluation.metrics["accuracy"]


def test_a_restored_model_is_as_accurate_as_it_was_saved(evaluation, folder):
    saved = artifacts.load_record(folder)["val_accuracy"]
    assert evaluation.metrics["restored_validation_accuracy"] == saved


def test_a_model_of_other_data_is_refused(folder):
    other = np.zeros((5, 8, 8), np.uint8), np.zeros(5, np.uint8)
    with pytest.raises(PipelineError, match=r"takes images of \(28, 28\)"):
        Evaluation(folder, other, other)
