"""A logged model as MLflow loads it: raw images in, digit and probabilities out.

MLflow keeps this file beside the model, so that it loads where this project is not installed;
nothing of the project is imported here.
"""

import keras
import numpy as np

BATCH = 1000


class ImageClassifier:
    """What ``mlflow.pyfunc.load_model`` wraps."""

    def __init__(self, model: keras.Model) -> None:
        self._model = model

    def predict(self, images: np.ndarray) -> dict[str, np.ndarray]:
        """Classify images.

        Args:
            images: ``uint8 [N, H, W]``, light on dark, as in the IDX files.

        Returns:
            ``digit``, ``int64 [N]``: the likeliest class; ``probabilities``, ``float32 [N, K]``.
        """
        logits = self._model.predict(images, batch_size=BATCH, verbose=0)
        logits = logits - logits.max(axis=1, keepdims=True)
        shares = np.exp(logits)
        probabilities = (shares / shares.sum(axis=1, keepdims=True)).astype(np.float32)
        return {"digit": probabilities.argmax(axis=1), "probabilities": probabilities}


def _load_pyfunc(path: str) -> ImageClassifier:
    """MLflow's entry: ``path`` is of the ``.keras`` file."""
    return ImageClassifier(keras.saving.load_model(path, compile=False, safe_mode=True))
