"""Creates the callbacks of a training."""

from collections.abc import Callable
from typing import Any

from src.callbacks import tensorboard
from src.callbacks.live_curves import LiveCurves
from src.callbacks.optional import Optional
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
        callbacks.append(Optional(board, f"TensorBoard does not show all of {plan['name']}"))
    return callbacks
