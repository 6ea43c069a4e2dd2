"""The callbacks of a training: its progress, its curves in MLflow, and TensorBoard."""

from collections.abc import Callable
from typing import Any

from src.callbacks import tensorboard
from src.callbacks.progress import TrainingProgress
from src.common import paths
from src.common.tensorflow import keras


def training_callbacks(
    plan: dict[str, Any], log_row: Callable[[dict[str, float]], None], resumes: bool
) -> list[keras.callbacks.Callback]:
    """Return the callbacks for progress, MLflow, and, if the plan enables it, TensorBoard.

    ``log_row`` gets each row of the history.
    """
    live = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: log_row(logs))
    callbacks = [TrainingProgress(plan["name"]), live]
    if plan["tensorboard"]:
        folder = tensorboard.folder(paths.main_checkout() / paths.LOGS, plan["name"])
        board = tensorboard.TensorBoard(folder, resumes)
        lacks = f"TensorBoard does not show all of {plan['name']}"
        callbacks.append(tensorboard.BestEffort(board, lacks))
    return callbacks
