"""The record of a training: the types of what ``models/<recipe>/`` contains."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypedDict

import numpy as np

if TYPE_CHECKING:
    import keras


class HistoryRow(TypedDict):
    """A validation during training: a row of ``history.csv``, with Keras' names."""

    epoch: float  # passes over the training split
    step: int  # batches
    loss: float  # mean cross-entropy of the batches since the last row, without the L2 penalty
    val_loss: float
    val_accuracy: float
    learning_rate: float
    seconds: float  # since the last row


@dataclass(frozen=True)
class TrainingResult:
    """What a training returns: the model to use, its history, its weights after each row."""

    model: "keras.Model"
    history: list[HistoryRow]
    weights_by_epoch: np.ndarray | None  # float32 [rows, weights]


class RunConfig(TypedDict):
    """What ``training.json`` contains before the training."""

    name: str  # of the recipe
    recipe: dict[str, Any]  # as ``plan`` resolved it, without published values
    train: dict[str, Any]  # the settings of params.yaml
    recipe_sha256: str  # of both
    keep_epochs: bool  # whether the weights of each row are kept
    dataset: dict[str, Any]  # dataset.json of the preprocessed data
    parameters: int
    device: str  # this and the next four: how it runs, as ``Execution`` states
    compile: str
    precision: str
    strategy: str
    buffer_size: int | None
    versions: dict[str, str]  # of Python and the libraries that train


class Record(RunConfig):
    """``training.json``."""

    steps: int
    epochs: float
    seconds: float
    val_accuracy: float
    val_loss: float
    weights_sha256: str
