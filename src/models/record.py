"""Types of the data in ``models/<recipe>/``."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NotRequired, TypedDict

if TYPE_CHECKING:
    import keras

    from src.models.kept_weights import KeptWeights


class HistoryRow(TypedDict):
    """A row of ``history.csv``, written at each validation, with the names of Keras."""

    epoch: float  # passes over the training split
    step: int  # batches
    loss: float  # mean cross-entropy of the batches since the last row, without the L2 penalty
    val_loss: float
    val_accuracy: float
    learning_rate: float


@dataclass(frozen=True)
class TrainingResult:
    """The result of a training: model, history, and weights after each row if they are kept."""

    model: "keras.Model"
    history: list[HistoryRow]
    seconds: list[float]  # of training and validation, for each row of the history
    weights_by_epoch: "KeptWeights | None"


class RunConfig(TypedDict):
    """The part of ``training.json`` that is known before the training."""

    name: str  # of the recipe
    recipe: dict[str, Any]  # as ``plan`` resolved it, without published values
    train: dict[str, Any]  # the settings of params.yaml
    recipe_sha256: str  # of both
    keep_epochs: bool  # whether the weights of each row are kept
    dataset: dict[str, Any]  # dataset.json of the preprocessed data
    parameters: int


class Environment(TypedDict):
    """What a training ran on; ``models/<recipe>/`` contains nothing about it."""

    device: str  # this and the next four are the fields of ``Execution``
    compile: str
    precision: str
    strategy: str
    buffer_size: int | None
    threads: int  # of the CPU
    processor: str
    versions: dict[str, str]  # of Python, tensorflow, keras, numpy


class Record(RunConfig):
    """``training.json``."""

    steps: int
    epochs: float
    val_accuracy: float
    val_loss: float
    weights_sha256: str
    temperature: NotRequired[float]  # fitted on the validation split; see calibration.py
