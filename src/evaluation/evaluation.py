"""The stage evaluate: the results of each trained model on the test split, and their plots."""

from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import islice
from os import isatty
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from rich.progress import track
from scipy.special import softmax
from sklearn.metrics import confusion_matrix, precision_recall_fscore_support, recall_score

from src.common import paths
from src.common.files import atomic_folder
from src.common.tensorflow import keras
from src.evaluation.statistics import proportion_interval
from src.evaluation.tables import TestResults, write_results
from src.models import artifacts
from src.models.inference import Predictor
from src.models.metrics import accuracy, calibration_metrics, cross_entropy, reliability
from src.models.record import Record
from src.plots.charts import confusion_matrix_figure, curves_figure, reliability_figure
from src.plots.contact_sheet import first_layer_figure, mistake_sheet, write_png

Split = tuple[np.ndarray, np.ndarray]  # images uint8 [N, H, W], labels uint8 [N]


@dataclass(frozen=True)
class Evaluation(TestResults):
    """The results of one trained model, with what their plots need."""

    model: keras.Model  # with the weights from the end of the training
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
    history, (images, labels), predictor = artifacts.load_history(folder), test, Predictor(model)
    logits = predictor.logits(images)
    probabilities = softmax(logits, axis=1)
    columns = {"actual": labels, "predicted": logits.argmax(axis=1)}
    predictions = pd.DataFrame(columns | {"probability": probabilities.max(axis=1).round(4)})
    metrics = _metrics(record, logits, predictions, warnings) | {
        "model_bytes": (folder / artifacts.MODEL).stat().st_size,
        "weights_sha256": record["weights_sha256"],
    }
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
        per_class=_per_class(predictions, record["dataset"]["class_names"]),
        reliability=pd.DataFrame(reliability(probabilities, labels)),
    )


def _metrics(
    record: Record, logits: np.ndarray, predictions: pd.DataFrame, warnings: Sequence[str]
) -> dict[str, Any]:
    """The entry in ``metrics/test.json``, without what is known of the model alone."""
    labels = predictions.actual.to_numpy()
    errors = int((labels != predictions.predicted).sum())
    right = accuracy(logits, labels)
    low, high = proportion_interval(len(labels) - errors, len(labels))
    metrics: dict[str, Any] = {"accuracy": right, "error_rate": 1 - right, "errors": errors}
    if record["dataset"]["unequal_classes"]:  # the mean of the accuracies of the classes
        metrics["balanced_accuracy"] = float(
            recall_score(labels, predictions.predicted, labels=np.unique(labels), average="macro")
        )
    if warnings:
        metrics["warnings"] = list(warnings)
    return metrics | {
        "loss": cross_entropy(logits, labels),
        **calibration_metrics(logits, labels, record["temperature"]),
        "ci_low": low,
        "ci_high": high,
    }


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


def _per_class(rows: pd.DataFrame, names: list[str]) -> pd.DataFrame:
    numbers = range(len(names))
    scores = precision_recall_fscore_support(
        rows.actual, rows.predicted, labels=numbers, zero_division=0
    )
    columns = dict(zip(("precision", "recall", "f1", "images"), scores, strict=True))
    return pd.DataFrame({"class": numbers, "label": names, **columns})


def write_outputs(evaluations: Iterable[Evaluation], count: int, images: np.ndarray) -> None:
    """Write all outputs of the evaluate stage; in a terminal, show the progress.

    The test images are ``uint8 [N, H, W]``. Only one of the ``count`` evaluations at a time is in
    memory.
    """
    calibration = {}
    with ExitStack() as stack:
        predictions = stack.enter_context(atomic_folder(paths.PREDICTIONS))
        plots = {path.name: stack.enter_context(atomic_folder(path)) for path in paths.RECIPE_PLOTS}
        for each in track(evaluations, "evaluate", count, transient=True, disable=not isatty(1)):
            name = each.record["name"]
            calibration[name] = each.reliability, each.metrics["ece"]
            title = f"{name}, test accuracy {each.metrics['accuracy']:.4f}"
            write_results(predictions / name, each)
            _write_plots(plots, each, images, title)
    write_png(reliability_figure(calibration), paths.RELIABILITY)


def _write_plots(plots: dict[str, Path], each: Evaluation, images: np.ndarray, title: str) -> None:
    name, class_names = each.record["name"], each.record["dataset"]["class_names"]
    rows, classes = each.predictions, range(len(class_names))
    confusion = confusion_matrix(rows.actual, rows.predicted, labels=classes)
    figures = {
        "curves": curves_figure(each.history, name),
        "confusion": confusion_matrix_figure(confusion, class_names, title),
        "mistakes": mistake_sheet(images, each.predictions, class_names, title),
        "first_layer": first_layer_figure(each.model, class_names, name),
    }
    for kind, figure in figures.items():
        write_png(figure, plots[kind] / f"{name}.png")
