"""A callback that the training does not need: without its files, the training goes on."""

import re
from typing import Any

from src.common.messages import warn
from src.common.tensorflow import keras, tf


class Optional(keras.callbacks.Callback):
    """Passes the calls on to another callback, until one fails to write; then it warns once.

    Args:
        callback: the other one.
        lacks: what is missing then, such as ``TensorBoard has no curves``.
    """

    def __init__(self, callback: keras.callbacks.Callback, lacks: str) -> None:
        super().__init__()
        self._callback: keras.callbacks.Callback | None = callback
        self._lacks = lacks

    def set_params(self, params: dict[str, Any]) -> None:
        self._call("set_params", params)

    def set_model(self, model: keras.Model) -> None:
        self._call("set_model", model)

    def on_train_begin(self, logs: dict | None = None) -> None:
        self._call("on_train_begin", logs)

    def on_train_end(self, logs: dict | None = None) -> None:
        self._call("on_train_end", logs)

    def on_train_batch_begin(self, batch: int, logs: dict | None = None) -> None:
        self._call("on_train_batch_begin", batch, logs)

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        self._call("on_train_batch_end", batch, logs)

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        self._call("on_epoch_end", epoch, logs)

    def _call(self, hook: str, *arguments: Any) -> None:
        if self._callback is None:
            return
        try:
            getattr(self._callback, hook)(*arguments)
        except (OSError, tf.errors.OpError) as error:
            self._callback = None
            warn(
                f"{self._lacks}, because its files cannot be written ({_reason(error)}); free "
                "space or allow access; no other result is affected"
            )


def _reason(error: Exception) -> str:
    """The message of an error, without the names of TensorFlow's internal functions."""
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return re.sub(r"\{\{.*?\}\} *|\[Op:.*", "", text.splitlines()[0]).strip()
