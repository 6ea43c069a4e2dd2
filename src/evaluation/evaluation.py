"""Evaluation of a trained model on the test split."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import softmax
from sklearn.metrics import confusion_matrix, precision_recall_fscore_support, recall_score

from src.common.tensorflow import keras
from src.evaluation.statistics import wilson_interval
from src.evaluation.tables import TestResults
from src.models import artifacts
from src.models.inference import Predictor, multiply_adds
from src.models.metrics import accuracy, calibration_metrics, cross_entropy, reliability
from src.models.record import Record

# The test images of MNIST whose label got fewer than three votes of five people: number, votes.
# Northcutt, Athalye and Mueller, *Pervasive Label Errors in Test Sets Destabilize Machine Learning
# Benchmarks*, NeurIPS 2021, arXiv 2103.14749; mturk/mnist_mturk.json of cleanlab/label-errors.
VOTES = {
    **{947: 0, 1621: 2, 1901: 2, 2130: 2, 2462: 0, 2597: 0, 2654: 0, 3520: 2},
    **{3558: 1, 5937: 1, 6651: 0, 6783: 2, 8527: 2, 9679: 2, 9729: 2},
}
Split = tuple[np.ndarray, np.ndarray]  # images uint8 [N, H, W], labels uint8 [N]


@dataclass(frozen=True)
class Evaluation(TestResults):
    """The results of one trained model, with what their plots need."""

    model: keras.Model  # with the weights from the end of the training
    confusion: np.ndarray  # int64 [K, K]; rows are actual classes, columns are predicted classes
    reliability: pd.DataFrame  # one row per bin of the probability: count, confidence, accuracy


def evaluate_model(
    folder: Path, test: Split, test_digest: str, warnings: Sequence[str] = ()
) -> Evaluation:
    """Evaluate the model in ``models/<family>/<recipe>/``.

    ``test_digest`` is that of the test split; ``warnings`` about the data become part of the
    metrics.

    Raises:
        PipelineError: the model is missing or damaged.
    """
    record = artifacts.load_record(folder)
    model = artifacts.load_model(folder, record["weights_sha256"])
    history, classes = artifacts.load_history(folder), range(model.output_shape[1])
    images, labels = test
    predictor = Predictor(model)
    logits = predictor.logits(images)
    predictions = _predictions(logits, labels)
    metrics = _metrics(folder, model, record, logits, predictions, warnings)
    accuracies = _accuracy_by_epoch(folder, model, predictor, test, metrics["accuracy"])
    rows = zip([row["epoch"] for row in history], accuracies, strict=False)
    return Evaluation(
        model=model,
        record=record,
        test_digest=test_digest,
        history=history,
        metrics=metrics,
        by_epoch=pd.DataFrame(rows, columns=["epoch", "accuracy"], dtype=float),
        predictions=predictions,
        confusion=confusion_matrix(labels, predictions.predicted, labels=classes),
        per_class=_per_class(labels, predictions.predicted, record["dataset"]["class_names"]),
        reliability=reliability(softmax(logits, axis=1), labels),
    )


def _metrics(
    folder: Path,
    model: keras.Model,
    record: Record,
    logits: np.ndarray,
    predictions: pd.DataFrame,
    warnings: Sequence[str],
) -> dict[str, Any]:
    """The entry in ``metrics/test.json``."""
    labels = predictions.actual.to_numpy()
    right = accuracy(logits, labels)
    low, high = wilson_interval(right, len(labels))
    return {
        "accuracy": right,
        "error_rate": 1 - right,
        "errors": int((predictions.predicted != labels).sum()),
        **_disputed_errors(record, predictions),
        **_balanced_accuracy(record, labels, logits),
        **({"warnings": list(warnings)} if warnings else {}),
        "loss": cross_entropy(logits, labels),
        **calibration_metrics(logits, labels, record["temperature"]),
        "ci_low": low,
        "ci_high": high,
        "multiply_adds": multiply_adds(model),
        "model_bytes": (folder / artifacts.MODEL).stat().st_size,
        "weights_sha256": record["weights_sha256"],
    }


def disputed_rows(dataset: Mapping[str, Any], predictions: pd.DataFrame) -> pd.DataFrame:
    """The rows of ``predictions`` of the disputed images; none if the dataset is not MNIST.

    Args:
        dataset: as in ``training.json``.
        predictions: one row per test image: ``actual``, ``predicted``.
    """
    is_listed = dataset["name"] == "mnist" and len(predictions) == 10_000
    return predictions.loc[list(VOTES) if is_listed else []]


def _disputed_errors(record: Record, predictions: pd.DataFrame) -> dict[str, int]:
    rows = disputed_rows(record["dataset"], predictions)
    return {} if rows.empty else {"disputed_errors": int((rows.actual != rows.predicted).sum())}


def _accuracy_by_epoch(
    folder: Path, model: keras.Model, predictor: Predictor, test: Split, final_accuracy: float
) -> list[float]:
    """The test accuracy with the weights of each epoch; empty if these were not kept."""
    count, rows = artifacts.load_weights_by_epoch(folder, model)
    if not count:
        return []
    final, accuracies = model.get_weights(), []
    for weights in islice(rows, count - 1):  # the last ones are the weights of the model
        model.set_weights(weights)
        accuracies.append(accuracy(predictor.logits(test[0]), test[1]))
    model.set_weights(final)
    return [*accuracies, final_accuracy]


def _predictions(logits: np.ndarray, labels: np.ndarray) -> pd.DataFrame:
    predicted, probability = logits.argmax(axis=1), softmax(logits, axis=1).max(axis=1).round(4)
    columns = {"actual": labels, "predicted": predicted, "probability": probability}
    return pd.DataFrame(columns)


def _balanced_accuracy(record: Record, labels: np.ndarray, logits: np.ndarray) -> dict[str, float]:
    """The mean of the accuracies of the classes, if their sizes are very different."""
    if not record["dataset"]["unequal_classes"]:
        return {}
    present = np.unique(labels)
    recalls = recall_score(labels, logits.argmax(axis=1), labels=present, average="macro")
    return {"balanced_accuracy": float(recalls)}


def _per_class(labels: np.ndarray, predicted: pd.Series, names: list[str]) -> pd.DataFrame:
    numbers = range(len(names))
    scores = precision_recall_fscore_support(labels, predicted, labels=numbers, zero_division=0)
    columns = dict(zip(("precision", "recall", "f1", "images"), scores, strict=True))
    return pd.DataFrame({"class": numbers, "label": names, **columns})
