"""Logits of many images, in large compiled batches on the device."""

import keras
import numpy as np
import tensorflow as tf

from src.data.splits import read_rows

BATCH = 1000


class Predictor:
    """A model compiled once for batches of images; later weights of the model are used too."""

    def __init__(self, model: keras.Model) -> None:
        self._call = tf.function(
            lambda images: model(images, training=False), reduce_retracing=True
        )

    def logits(self, images: np.ndarray) -> np.ndarray:
        """``uint8 [N, H, W]`` to ``float32 [N, K]``."""
        logits = []
        for first in range(0, len(images), BATCH):
            batch = np.empty((min(BATCH, len(images) - first), *images.shape[1:]), np.uint8)
            read_rows(images, first, batch)
            logits.append(self._call(tf.constant(batch)).numpy())
        return np.concatenate(logits)
