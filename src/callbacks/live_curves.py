"""The curves of a training in MLflow while it runs."""

import time
from collections.abc import Callable

import keras


class LiveCurves(keras.callbacks.Callback):
    """Logs the rows of the history as they come, now and then; the last are left to the end."""

    SECONDS = 0.5  # at least so long between two messages

    def __init__(self, log: Callable[..., None]) -> None:
        super().__init__()
        self._log = log
        self._rows: list[dict] = []
        self._sent = 0.0

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        now = time.time()
        self._rows.append(logs | {"at": now})
        done = logs["step"] >= self.params["total_steps"] or self.model.stop_training
        if not done and now - self._sent > self.SECONDS:
            self._log("rows", rows=self._rows)
            self._rows, self._sent = [], now
