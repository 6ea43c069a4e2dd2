"""Types of the data in ``models/<family>/<recipe>/``."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypedDict

import numpy as np

from src.common.files import json_sha256

if TYPE_CHECKING:
    import keras


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
    row: HistoryRow  # of the history: that of the weights of the model
    seconds: list[float]  # of training and validation, for each row of the history
    weights_by_epoch: np.ndarray | None  # float32 [rows, weights], a memory map
    scores: "Scores"


class Scores(TypedDict):
    """Further measurements on the validation split."""

    temperature: float  # see metrics.fit_temperature
    least_evidence: float  # that 98.5% of the validation images have; see metrics.evidence
    corrupted_accuracy: float  # on validation images that are changed: see training.augmentation


class RunConfig(TypedDict):
    """The part of ``training.json`` that is known before the training."""

    name: str  # of the recipe
    recipe: dict[str, Any]  # as the stage ``plan`` resolved it
    train: dict[str, Any]  # the settings of params.yaml
    recipe_sha256: str  # of both
    code: str  # the digest of the code that trains; see training.checkpoint
    keep_epochs: bool  # whether the weights of each row are kept
    dataset: dict[str, Any]  # dataset.json of the preprocessed data
    parameters: int


def make_run_config(
    plan: dict[str, Any], dataset: dict[str, Any], model: "keras.Model", code: str
) -> RunConfig:
    """Return the part of ``training.json`` that is known before the training.

    ``plan`` is that of the recipe, ``dataset`` that of ``dataset.json``, and ``code`` the digest of
    the code that trains.
    """
    return RunConfig(
        name=plan["name"],
        recipe=plan["recipe"],
        train=plan["train"],
        recipe_sha256=json_sha256([plan["recipe"], plan["train"]]),
        code=code,
        keep_epochs=plan["keep_epochs"],
        dataset=dataset,
        parameters=model.count_params(),
    )


def stage_name(config: RunConfig) -> str:
    """The stage that trains a recipe, such as ``train@cnn``."""
    return f"train@{config['recipe']['family']}"


class Environment(TypedDict):
    """What a training ran on; ``models/`` contains nothing about it."""

    device: str  # this and the next four are the fields of ``Execution``
    compile: str
    precision: str
    strategy: str
    buffer_size: int | None
    threads: int  # of the CPU
    processor: str
    versions: dict[str, str]  # of Python, tensorflow, keras, numpy
    variables: dict[str, str]  # of the environment: see ``recorded_variables``


class Record(RunConfig, Scores):
    """``training.json``."""

    steps: int
    epochs: float
    val_accuracy: float
    val_loss: float
    weights_sha256: str
