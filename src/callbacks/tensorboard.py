"""TensorBoard's files of a training: scalars, weight histograms, and the graph."""

import math
import os
import shutil
from pathlib import Path

from src.common.tensorflow import keras

HISTOGRAMS = 6  # of each weight, at most; Keras needs 0.2 s for the million weights of mlp_dropout
MAX_HISTOGRAM = 2_000_000  # values; TensorFlow needs 300 bytes of memory for each of them
SCALARS = ("loss", "learning_rate", "val_loss", "val_accuracy")


def folder(logs: Path, name: str) -> Path:
    """Return ``<logs>/<recipe>/<DVC experiment>``; without an experiment, ``…/workspace``."""
    return logs / name / (os.environ.get("DVC_EXP_NAME") or "workspace")


class TensorBoard(keras.callbacks.TensorBoard):
    """Keras' callback. The x axis shows epochs, or numbers of validations if these are more.

    There are no histograms if a weight has more than ``MAX_HISTOGRAM`` values. Unless the training
    resumes, existing files in the folder are removed.
    """

    def __init__(self, folder: Path, resumes: bool) -> None:
        super().__init__(folder)
        if not resumes:
            shutil.rmtree(folder, ignore_errors=True)

    def on_epoch_end(self, epoch: int, logs: dict) -> None:
        """Write the scalars of a row of the history, and after some rows the histograms."""
        row = epoch + 1
        rows = round(row * self.params["total_steps"] / logs["step"])  # of the complete training
        largest = max(math.prod(weight.shape) for weight in self.model.weights)
        is_due = epoch % -(-rows // HISTOGRAMS) == 0
        self.histogram_freq = int(is_due and largest <= MAX_HISTOGRAM)
        # An epoch that has not ended counts as one. No two rows have the same number.
        number = max(math.ceil(logs["epoch"]), row)
        super().on_epoch_end(number, {name: logs[name] for name in SCALARS})
