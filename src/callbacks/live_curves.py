"""The curves of a training in MLflow while it runs."""

import time
from collections.abc import Callable

from src.common.tensorflow import keras


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
