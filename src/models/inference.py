"""Predicts the logits of many images in large batches."""

from math import prod

import numpy as np

from src.common.tensorflow import graph, keras, tf
from src.data.splits import read_rows

MOST_IMAGES = 1000  # that are predicted at the same time
MOST_VALUES = 25_600_000  # of the largest layer, computed at the same time: 0.1 GB


class Predictor:
    """A compiled model for batches of images; it uses the current weights of the model.

    Attributes:
        batch_size: images that are predicted at the same time.
    """

    def __init__(self, model: keras.Model) -> None:
        largest = max(prod(layer.output.shape[1:]) for layer in model.layers)
        self.batch_size = min(MOST_IMAGES, max(1, MOST_VALUES // largest))
        self._call = graph(lambda images: model(images, training=False), reduce_retracing=True)

    def logits(self, images: np.ndarray) -> np.ndarray:
        """Predict logits ``float32 [N, K]`` of images ``uint8 [N, H, W]``."""
        logits, size = [], self.batch_size
        for first in range(0, len(images), size):
            batch = np.empty((min(size, len(images) - first), *images.shape[1:]), np.uint8)
            read_rows(images, first, batch)
            logits.append(self._call(tf.constant(batch)).numpy())
        return np.concatenate(logits)
