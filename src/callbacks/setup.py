"""Creates the callbacks of a training."""

from collections.abc import Callable
from typing import Any

from src.callbacks import tensorboard
from src.callbacks.optional import Optional
from src.callbacks.progress import TrainingProgress
from src.common import paths
from src.common.tensorflow import keras


def training_callbacks(
    plan: dict[str, Any],
    log_row: Callable[[dict[str, float]], None],
    update: Callable[[], None],
    resumes: bool,
) -> list[keras.callbacks.Callback]:
    """Return the callbacks for progress, MLflow, and, if the plan enables it, TensorBoard.

    ``log_row`` gets each row of the history; ``update`` is called between the rows, too.
    """
    live = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: log_row(logs),
        on_train_batch_end=lambda batch, logs: update(),
    )
    callbacks = [TrainingProgress(plan["name"]), live]
    if plan["tensorboard"]:
        folder = tensorboard.folder(paths.main_checkout() / paths.LOGS, plan["name"])
        board = tensorboard.TensorBoard(folder, resumes)
        callbacks.append(Optional(board, f"TensorBoard does not show all of {plan['name']}"))
    return callbacks
