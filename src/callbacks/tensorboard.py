"""TensorBoard's files of a training: scalars, weight histograms, and the graph."""

import math
import os
import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from src.common.messages import warn
from src.common.tensorflow import keras, tf

HISTOGRAMS = 6  # of each weight, at most; Keras needs 0.2 s for the million weights of mlp_dropout
MAX_HISTOGRAM = 2_000_000  # values; TensorFlow needs 300 bytes of memory for each of them
SCALARS = ("loss", "learning_rate", "val_loss", "val_accuracy")
HOOKS = (
    *("set_params", "set_model", "on_train_begin", "on_train_batch_begin"),
    *("on_train_batch_end", "on_epoch_end", "on_train_end"),
)


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


class BestEffort(keras.callbacks.Callback):
    """Passes all calls on to ``callback``, until one fails to write: then it warns once.

    ``lacks`` says what is missing then, such as ``TensorBoard has no curves``.
    """

    def __init__(self, callback: keras.callbacks.Callback, lacks: str) -> None:
        super().__init__()
        self._lacks, self._failed = lacks, False
        for hook in HOOKS:
            setattr(self, hook, partial(self._call, getattr(callback, hook)))

    def _call(self, method: Callable[..., None], *arguments: Any, **logs: Any) -> None:
        try:
            if not self._failed:
                method(*arguments, **logs)
        except (OSError, tf.errors.OpError) as error:
            self._failed = True
            reason = str(error).partition("\n")[0].partition(" [Op:")[0]
            warn(f"{self._lacks} ({reason}); free space or allow access to its folder")
