"""A trained model on the test split."""

from pathlib import Path

import numpy as np
import pandas as pd
from scipy.special import softmax
from sklearn.metrics import confusion_matrix, precision_recall_fscore_support

from src.common.errors import PipelineError
from src.evaluation import statistics
from src.models import artifacts, metrics
from src.models.inference import Predictor

Split = tuple[np.ndarray, np.ndarray]  # images uint8 [N, H, W], labels uint8 [N]


class Evaluation:
    """The figures of one trained model, computed once, as the stage's outputs need them.

    Attributes:
        model: with the weights that the training ended with.
        metrics: what ``metrics/test.json`` says of the model.
        by_epoch: epoch and test accuracy; no rows if the recipe keeps no weights of epochs.
        per_class: a row for each class: precision, recall, F1, number of test images.
        confusion: ``int64 [K, K]``, rows are actual, columns predicted classes.
        predictions: a row for each test image: actual and predicted class, its probability.
    """

    def __init__(self, folder: Path, test: Split, validation: Split) -> None:
        """Evaluate ``models/<recipe>/``.

        Raises:
            PipelineError: the model is missing, damaged, or made for other data.
        """
        model = artifacts.load_model(folder)
        images, labels = test
        if model.input_shape[1:] != images.shape[1:] or model.output_shape[1] <= labels.max():
            raise PipelineError(
                f"{folder} takes images of {model.input_shape[1:]} and knows "
                f"{model.output_shape[1]} classes, which the test split does not fit; "
                f"run `dvc repro train@{folder.name}`"
            )
        classes = model.output_shape[1]
        predictor = Predictor(model)
        logits = predictor.logits(images)
        validated = metrics.accuracy(predictor.logits(validation[0]), validation[1])
        final, weights_by_epoch = (
            model.get_weights(),
            artifacts.load_weights_by_epoch(folder, model),
        )
        self.by_epoch = pd.DataFrame({"epoch": [], "accuracy": []}, dtype=float)
        accuracy = metrics.accuracy(logits, labels)
        for row, weights in zip(artifacts.load_history(folder), weights_by_epoch, strict=False):
            own = accuracy  # the last row's weights are the final ones
            if len(self.by_epoch) + 1 < len(weights_by_epoch):
                model.set_weights(weights)
                own = metrics.accuracy(predictor.logits(images), labels)
            self.by_epoch.loc[len(self.by_epoch)] = [row["epoch"], own]
        model.set_weights(final)
        self.model = model

        low, high = statistics.wilson_interval(accuracy, len(labels))
        self.metrics = {
            "accuracy": accuracy,
            "error_rate": 1 - accuracy,
            "loss": metrics.cross_entropy(logits, labels),
            "ci_low": low,
            "ci_high": high,
            "restored_validation_accuracy": validated,
        }
        predicted = logits.argmax(axis=1)
        self.predictions = pd.DataFrame(
            {
                "actual": labels,
                "predicted": predicted,
                "probability": softmax(logits, axis=1).max(axis=1).round(4),
            }
        )
        self.confusion = confusion_matrix(labels, predicted, labels=range(classes))
        scores = precision_recall_fscore_support(
            labels, predicted, labels=range(classes), zero_division=0
        )
        names = ("precision", "recall", "f1", "images")
        self.per_class = pd.DataFrame(
            {"class": range(classes), **dict(zip(names, scores, strict=True))}
        )
