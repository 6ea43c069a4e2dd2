"""The callbacks of a training: its progress, its curves in MLflow, and TensorBoard."""

import time
from collections.abc import Callable
from typing import Any

from src.callbacks import tensorboard
from src.callbacks.progress import TrainingProgress
from src.common import paths
from src.common.tensorflow import keras


def training_callbacks(
    plan: dict[str, Any], log: Callable[..., None], resumes: bool
) -> list[keras.callbacks.Callback]:
    """Return the callbacks for progress, MLflow, and, if the plan enables it, TensorBoard."""
    callbacks = [TrainingProgress(plan["name"]), LiveCurves(log)]
    if plan["tensorboard"]:
        folder = tensorboard.folder(paths.main_checkout() / paths.LOGS, plan["name"])
        board = tensorboard.TensorBoard(folder, resumes)
        lacks = f"TensorBoard does not show all of {plan['name']}"
        callbacks.append(tensorboard.BestEffort(board, lacks))
    return callbacks


class LiveCurves(keras.callbacks.Callback):
    """Sends new rows of the history to the background process, a few times per second at most.

    The last rows are not sent: MLflow takes them from ``history.csv`` at the end.
    """

    SECONDS = 0.5  # between two messages, at least

    def __init__(self, log: Callable[..., None]) -> None:
        super().__init__()
        self._log = log
        self._rows: list[dict] = []
        self._sent_at = 0.0

    def on_epoch_end(self, epoch: int, logs: dict) -> None:
        now = time.time()
        self._rows.append(logs | {"at": now})
        is_last = logs["step"] >= self.params["total_steps"] or self.model.stop_training
        if not is_last and now - self._sent_at > self.SECONDS:
            self._log("rows", rows=self._rows)
            self._rows, self._sent_at = [], now
