"""The code with which MLflow loads a logged model: images in, digits and probabilities out.

MLflow stores this file with the model, so that the model loads where this project is not
installed. Therefore it imports nothing of the project.
"""

import keras
import numpy as np

BATCH_SIZE = 1000


class ImageClassifier:
    """The model that ``mlflow.pyfunc.load_model`` wraps."""

    def __init__(self, model: keras.Model) -> None:
        self._model = model

    def predict(self, images: np.ndarray) -> dict[str, np.ndarray]:
        """Classify images, ``uint8 [N, H, W]``, light on dark, as in the IDX files.

        Returns ``digit``, ``int64 [N]``: the most probable class, and ``probabilities``,
        ``float32 [N, K]``.
        """
        logits = self._model.predict(images, batch_size=BATCH_SIZE, verbose=0)
        exponentials = np.exp(logits - logits.max(axis=1, keepdims=True))
        probabilities = exponentials / exponentials.sum(axis=1, keepdims=True)
        probabilities = probabilities.astype(np.float32)
        return {"digit": probabilities.argmax(axis=1), "probabilities": probabilities}


def _load_pyfunc(path: str) -> ImageClassifier:
    """MLflow calls this with the path of the ``.keras`` file."""
    return ImageClassifier(keras.saving.load_model(path, compile=False, safe_mode=True))
