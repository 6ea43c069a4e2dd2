"""The code with which MLflow loads a logged model: images in, classes and probabilities out.

MLflow stores this file with the model, so that the model loads where this project is not
installed. Therefore it imports nothing of the project.
"""

import os
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # no messages about missing GPUs
os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ.pop("KERAS_MAX_STEPS_PER_EPOCH", None)  # it would leave images out

import keras
import numpy as np
from mlflow.exceptions import MlflowException

keras.config.set_floatx("float32")  # whatever the user's keras.json says
keras.config.set_image_data_format("channels_last")


class ImageClassifier:
    """The model that ``mlflow.pyfunc.load_model`` wraps."""

    def __init__(self, model: keras.Model, class_names: list[str]) -> None:
        self._model, self._class_names = model, np.array(class_names)

    def predict(self, images: Any) -> dict[str, np.ndarray]:
        """Classify images, ``uint8 [N, H, W]``, light on dark, as in the IDX files.

        Other integers from 0 to 255 are accepted, because a server gets numbers without a type.

        Returns ``class``, ``int64 [N]``: the number of the most probable class; ``label``,
        ``str [N]``: its name; and ``probabilities``, ``float32 [N, K]``.

        Raises:
            MlflowException: the images have another type, shape or range; for a server, status 400.
        """
        shape = self._model.input_shape[1:]
        images = np.asarray(images)
        is_valid = images.dtype.kind in "ui" and images.ndim == 3 and images.shape[1:] == shape
        if not is_valid or (images.size and not 0 <= images.min() <= images.max() <= 255):
            raise MlflowException.invalid_parameter_value(
                f"the input is {images.dtype} {list(images.shape)}; send uint8 images "
                f"[N, {shape[0]}, {shape[1]}] with values from 0 to 255"
            )
        logits = self._model.predict(images.astype(np.uint8), verbose=0)
        probabilities = keras.ops.convert_to_numpy(keras.ops.softmax(logits))
        classes = probabilities.argmax(axis=1)
        return {
            "class": classes,
            "label": self._class_names[classes],
            "probabilities": probabilities,
        }


def _load_pyfunc(path: str, model_config: dict) -> ImageClassifier:
    """MLflow calls this with the path of the ``.keras`` file, and what was logged with it."""
    model = keras.saving.load_model(path, compile=False, safe_mode=True)
    return ImageClassifier(model, model_config["class_names"])
