"""Trained models for prediction: the champion, the best model, or one by its name."""

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from src.common import paths
from src.common.errors import PipelineError
from src.data.splits import load_dataset_info
from src.models import artifacts
from src.tracking.registry import champion, download
from src.tracking.store import short_reason

if TYPE_CHECKING:
    import keras

    from src.models.inference import Predictor


@dataclass
class Classifier:
    """A trained model, loaded when it is first used."""

    name: str  # of the recipe
    accuracy: float  # on the validation split
    champion: bool  # whether it is the champion in the MLflow registry
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

    def probabilities(self, images: np.ndarray) -> np.ndarray:
        """Predict the probabilities ``float32 [N, K]`` of images ``uint8 [N, H, W]``."""
        from scipy.special import softmax

        return softmax(self._predictor.logits(images), axis=1)

    def __str__(self) -> str:
        title = ", the champion" if self.champion else ""
        return f"{self.name}{title} (validation accuracy {self.accuracy:.4f})"


def classifiers() -> list[Classifier]:
    """The models trained on the present data: the champion, then the best first.

    Raises:
        PipelineError: there are none.
    """
    if not paths.PROCESSED.exists():
        raise PipelineError("no model is trained yet; run `make repro`")
    dataset = load_dataset_info(paths.PROCESSED)
    best, found = champion(dataset), []
    for folder in artifacts.trained_folders():
        record = artifacts.load_record(folder)
        if all(record["dataset"][key] == dataset[key] for key in ("digest", "classes")):
            weights = record["weights_sha256"]
            is_best = best is not None and weights == best.tags["weights_sha256"]
            load = partial(artifacts.load_model, folder, weights)
            found.append(Classifier(record["name"], record["val_accuracy"], is_best, load))
    if best and not any(each.champion for each in found):
        name = f"{best.tags['recipe']} (trained earlier)"  # not in models/, but in MLflow
        accuracy = float(best.tags["validation_accuracy"])
        found.append(Classifier(name, accuracy, True, partial(_download, best)))
    if not found:
        raise PipelineError(f"no model is trained on {dataset['name']} yet; run `make repro`")
    return sorted(found, key=lambda each: (not each.champion, -each.accuracy, each.name))


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


def _download(best: Any) -> "keras.Model":
    try:
        with tempfile.TemporaryDirectory() as folder:
            return artifacts.load_model(download(best, Path(folder)), best.tags["weights_sha256"])
    except Exception as error:  # MLflow and its stores raise many types
        reason = short_reason(error).partition("; run ")[0]  # advice for the files in models/
        raise PipelineError(
            f"the champion, {best.tags['recipe']}, cannot be loaded from MLflow ({reason}); "
            "choose another model with --model, or run `dvc repro` to train it"
        ) from None
