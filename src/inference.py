"""Logits of many images, in large compiled batches on the device."""

import keras
import numpy as np
import tensorflow as tf

BATCH = 1000


class Predictor:
    """A model compiled once for batches of images; later weights of the model are used too."""

    def __init__(self, model: keras.Model) -> None:
        self._call = tf.function(
            lambda images: model(images, training=False), reduce_retracing=True
        )

    def logits(self, images: np.ndarray | tf.Tensor) -> np.ndarray:
        """``uint8 [N, H, W]`` to ``float32 [N, K]``."""
        batches = [
            self._call(tf.constant(images[first : first + BATCH]))
            for first in range(0, len(images), BATCH)
        ]
        return np.concatenate([batch.numpy() for batch in batches])
