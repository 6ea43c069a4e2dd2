"""The code with which MLflow loads a logged model: images in, classes and probabilities out.

MLflow stores this file with the model, so that the model loads where this project is not
installed. Therefore it imports nothing of the project.
"""

import os
import sys
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # no messages about missing GPUs

import keras
import numpy as np
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import BAD_REQUEST

BATCH_PIXELS = 1000 * 28 * 28  # predicted at the same time


class Refused(MlflowException):
    """Images that cannot be classified; a server answers with the status 400."""

    def __init__(self, reason: str) -> None:
        super().__init__(
            f"{reason}; send uint8 images [N, H, W] with values from 0 to 255", BAD_REQUEST
        )

    @property
    def message(self) -> str:
        """One sentence."""
        return str(self)

    @message.setter
    def message(self, _: str) -> None:
        """MLflow's server would add all pixels in front."""


class ImageClassifier:
    """The model that ``mlflow.pyfunc.load_model`` wraps."""

    def __init__(self, model: keras.Model, class_names: list[str]) -> None:
        self._model, self._class_names = model, np.array(class_names)

    def predict(self, images: Any) -> dict[str, np.ndarray]:
        """Classify images, ``uint8 [N, H, W]``, light on dark, as in the IDX files.

        Other integers are accepted if their values are from 0 to 255, because a server gets numbers
        without a type.

        Returns ``class``, ``int64 [N]``: the number of the most probable class; ``label``,
        ``str [N]``: its name; and ``probabilities``, ``float32 [N, K]``.

        Raises:
            Refused: the images have another type, shape or range.
        """
        images = _checked(images, self._model.input_shape[1:])
        batch_size = max(1, min(1000, BATCH_PIXELS // images[0].size)) if len(images) else 1
        logits = self._model.predict(images, batch_size=batch_size, verbose=0)
        exponentials = np.exp(logits - logits.max(axis=1, keepdims=True))
        probabilities = exponentials / exponentials.sum(axis=1, keepdims=True)
        classes = probabilities.argmax(axis=1)
        return {
            "class": classes,
            "label": self._class_names[classes],
            "probabilities": probabilities.astype(np.float32),
        }


def _checked(images: Any, shape: tuple[int, int]) -> np.ndarray:
    """The images as ``uint8 [N, *shape]``.

    MLflow would check them by the signature of the model, but its server would first change
    fractions such as 0.5 to 0: images that were divided by 255 would be black.
    """
    if not isinstance(images, np.ndarray):
        raise Refused(f"the input is no array of images ({type(images).__name__})")
    if images.dtype.kind not in "ui":
        raise Refused(f"the values are not integers ({images.dtype})")
    if images.ndim != 3 or images.shape[1:] != shape:
        raise Refused(f"the shape of the input is {images.shape}, not (N, {shape[0]}, {shape[1]})")
    if images.size and not 0 <= images.min() <= images.max() <= 255:
        raise Refused(f"the values are from {images.min()} to {images.max()}")
    return images.astype(np.uint8)


def _accept_only_json() -> None:
    """Let MLflow's server refuse tables, which it would answer with a stack trace."""
    server: Any = sys.modules.get("mlflow.pyfunc.scoring_server")
    if server:
        server.CONTENT_TYPE_CSV = server.CONTENT_TYPE_PARQUET = ""
        server.CONTENT_TYPES = [server.CONTENT_TYPE_JSON]


def _load_pyfunc(path: str, model_config: dict) -> ImageClassifier:
    """MLflow calls this with the path of the ``.keras`` file, and what was logged with it."""
    _accept_only_json()
    model = keras.saving.load_model(path, compile=False, safe_mode=True)
    return ImageClassifier(model, model_config["class_names"])
