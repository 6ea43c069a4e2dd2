"""Trained models for prediction: the one that reads pictures best, or one by its name."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

import numpy as np

from src.common import paths
from src.common.errors import PipelineError
from src.data.splits import load_dataset_info
from src.models import artifacts
from src.pictures.convert import Picture, convert, convert_row

DIGIT = re.compile("[0-9]")
CERTAIN = 0.7  # of 389 digits of other people, 7 of 10 wrong ones were below, 4 of 379 right ones
UNCERTAIN = "hard to read: no class has a probability of 70%"
UNFAMILIAR = (
    "not like the training images: the prediction can be meaningless, because a model must choose "
    "one of its classes"
)
NO_DIGIT = "no digit: too wide, or filled; digits that touch and lines of text cannot be divided"

if TYPE_CHECKING:
    import keras

    from src.models.inference import Predictor


@dataclass
class Classifier:
    """A trained model, loaded when it is first used."""

    name: str  # of the recipe
    accuracy: float  # on the validation split
    scores: Mapping[str, Any]  # of the record: it has ``Scores``
    load: Callable[[], "keras.Model"]

    @cached_property
    def model(self) -> "keras.Model":
        """The Keras model; a PipelineError if its file is damaged."""
        return self.load()

    @cached_property
    def _predictor(self) -> "Predictor":
        from src.models.inference import Predictor

        return Predictor(self.model)

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width of the input images."""
        return self.model.input_shape[1:]

    def predict(self, pictures: Sequence[Picture]) -> tuple[np.ndarray, list[str]]:
        """Predict the probabilities ``float32 [N, K]`` of pictures, and a hint or "" for each."""
        from scipy.special import softmax

        from src.models.metrics import evidence

        if not pictures:
            return np.empty((0, 0), np.float32), []
        logits = self._predictor.logits(np.stack([picture.image for picture in pictures]))
        probabilities = softmax(logits, axis=1)
        is_unfamiliar = evidence(logits) < self.scores["least_evidence"]
        hints = np.where(probabilities.max(axis=1) < CERTAIN, UNCERTAIN, "")
        hints = np.where(is_unfamiliar, UNFAMILIAR, hints)
        hints = np.where([picture.is_no_digit for picture in pictures], NO_DIGIT, hints)
        return probabilities, hints.tolist()

    def __str__(self) -> str:
        corrupted = self.scores["corrupted_accuracy"]
        accuracy = f"validation accuracy {self.accuracy:.4f}, on corrupted images {corrupted:.4f}"
        return f"{self.name} ({accuracy})"


def classifiers() -> list[Classifier]:
    """The models trained on the present data, those first that read pictures best.

    That is the accuracy on corrupted validation images: see ``src/training/augmentation.py``.

    Raises:
        PipelineError: there are none.
    """
    if not paths.PROCESSED.exists():
        raise PipelineError("no model is trained yet; run `make repro` or `dvc exp run`")
    dataset = load_dataset_info(paths.PROCESSED)
    found = []
    for folder in artifacts.trained_folders():
        record = artifacts.load_record(folder)
        if all(record["dataset"][key] == dataset[key] for key in ("digest", "classes")):
            load = partial(artifacts.load_model, folder, record["weights_sha256"])
            found.append(Classifier(record["name"], record["val_accuracy"], record, load))
    if not found:
        raise PipelineError(f"no model is trained on {dataset['name']} yet; run `make repro`")
    return sorted(found, key=lambda each: -each.scores["corrupted_accuracy"])


def choose(name: str | None) -> Classifier:
    """The classifier with this name, or the first one if the name is None.

    Raises:
        PipelineError: there is no model with this name, or no model is trained.
    """
    found = classifiers()
    for each in found:
        if name in (None, each.name):
            return each
    names = ", ".join(each.name for each in found)
    raise PipelineError(f"there is no trained model {name!r}; the trained models are: {names}")


def reader(dataset: dict[str, Any]) -> Callable[[bytes], list[Picture]]:
    """What converts an image file to the pictures in it; it raises a ``PictureError``.

    Drawings are divided into the digits of a row if each class of the ``dataset`` is one digit.
    """
    shape, conversion = (dataset["height"], dataset["width"]), dataset["conversion"]
    if conversion["center_like_mnist"] and all(map(DIGIT.fullmatch, dataset["class_names"])):
        return lambda content: convert_row(content, shape, conversion)
    return lambda content: [convert(content, shape, conversion)]


def hint_of(hints: Sequence[str]) -> str:
    """The hint of an image from those of its digits: the first one, and which digit it is for."""
    number, hint = next(((i, hint) for i, hint in enumerate(hints, 1) if hint), (0, ""))
    return f"digit {number} is {hint}" if hint and len(hints) > 1 else hint
