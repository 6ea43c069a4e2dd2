"""Predicts the logits of many images in large batches, with a compiled function."""

import numpy as np

from src.common.tensorflow import keras, tf
from src.data.memory import inference_batch
from src.data.splits import read_rows


class Predictor:
    """A compiled model for batches of images; it uses the current weights of the model."""

    def __init__(self, model: keras.Model) -> None:
        self._call = tf.function(
            lambda images: model(images, training=False), reduce_retracing=True
        )

    def logits(self, images: np.ndarray) -> np.ndarray:
        """Predict logits ``float32 [N, K]`` of images ``uint8 [N, H, W]``."""
        logits, size = [], inference_batch(*images.shape[1:])
        for first in range(0, len(images), size):
            batch = np.empty((min(size, len(images) - first), *images.shape[1:]), np.uint8)
            read_rows(images, first, batch)
            logits.append(self._call(tf.constant(batch)).numpy())
        return np.concatenate(logits)
