"""The code with which MLflow loads a logged model: images in, classes and probabilities out.

MLflow stores this file with the model, so that the model loads where this project is not
installed. Therefore it imports nothing of the project.
"""

import keras
import numpy as np

BATCH_PIXELS = 1000 * 28 * 28  # predicted at the same time


class ImageClassifier:
    """The model that ``mlflow.pyfunc.load_model`` wraps."""

    def __init__(self, model: keras.Model, class_names: list[str]) -> None:
        self._model, self._class_names = model, np.array(class_names)

    def predict(self, images: np.ndarray) -> dict[str, np.ndarray]:
        """Classify images, ``uint8 [N, H, W]``, light on dark, as in the IDX files.

        Returns ``class``, ``int64 [N]``: the number of the most probable class; ``label``,
        ``str [N]``: its name; and ``probabilities``, ``float32 [N, K]``.
        """
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


def _load_pyfunc(path: str, model_config: dict) -> ImageClassifier:
    """MLflow calls this with the path of the ``.keras`` file, and what was logged with it."""
    model = keras.saving.load_model(path, compile=False, safe_mode=True)
    return ImageClassifier(model, model_config["class_names"])
