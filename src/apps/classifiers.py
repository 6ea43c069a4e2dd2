"""Trained models at work: the champion, the best there is, or one by its name."""

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from src.common import paths
from src.common.errors import PipelineError
from src.data.splits import load_dataset_info
from src.models import artifacts
from src.tracking.champion import Champion, champion

if TYPE_CHECKING:
    import keras

    from src.models.inference import Predictor


@dataclass
class Classifier:
    """A trained model, which is loaded once it is used.

    Attributes:
        name: of the recipe.
        accuracy: on the validation images.
        champion: whether MLflow's registry calls it so.
    """

    name: str
    accuracy: float
    champion: bool
    load: Callable[[], "keras.Model"]

    @cached_property
    def model(self) -> "keras.Model":
        """The Keras model.

        Raises:
            PipelineError: it is damaged.
        """
        return self.load()

    @cached_property
    def _predictor(self) -> "Predictor":
        from src.models.inference import Predictor

        return Predictor(self.model)

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width of its images."""
        return self.model.input_shape[1:]

    def probabilities(self, images: np.ndarray) -> np.ndarray:
        """``uint8 [N, H, W]`` to ``float32 [N, K]``."""
        from scipy.special import softmax

        return softmax(self._predictor.logits(images), axis=1)

    def __str__(self) -> str:
        return (
            f"{self.name}{', the champion' if self.champion else ''} "
            f"(validation accuracy {self.accuracy:.4f})"
        )


def classifiers() -> list[Classifier]:
    """All there are: the champion first, then those in ``models/``, the best first.

    Raises:
        PipelineError: none is trained.
    """
    folders = [path.parent for path in paths.MODELS.glob(f"*/{artifacts.RECORD}")]
    records = [artifacts.load_record(folder) for folder in folders]
    best = champion(load_dataset_info(paths.PROCESSED))
    found = [
        Classifier(
            record["name"],
            record["val_accuracy"],
            best is not None and record["weights_sha256"] == best.weights_sha256,
            lambda folder=folder: artifacts.load_model(folder),
        )
        for folder, record in zip(folders, records, strict=True)
    ]
    if best and not any(each.champion for each in found):
        taken = any(each.name == best.recipe for each in found)
        name = f"{best.recipe} (champion)" if taken else best.recipe
        found.append(Classifier(name, best.accuracy, True, lambda: _download(best)))
    if not found:
        raise PipelineError("no model is trained yet; run `make repro`, or `dvc repro`")
    return sorted(found, key=lambda each: (not each.champion, -each.accuracy, each.name))


def choose(name: str | None) -> Classifier:
    """The classifier of a name; without one, the first of all.

    Raises:
        PipelineError: none has that name, or none is trained.
    """
    found = classifiers()
    chosen = [each for each in found if name in (None, each.name)]
    if not chosen:
        names = ", ".join(each.name for each in found)
        raise PipelineError(f"no model {name!r} is trained; there are {names}")
    return chosen[0]


def _download(best: Champion) -> "keras.Model":
    with tempfile.TemporaryDirectory() as folder:
        return artifacts.load_model(best.download(Path(folder)))
