"""A recipe trained by Keras' ``fit``, which our training is compared with."""

import numpy as np

from src.common.tensorflow import keras
from src.config.recipe import Recipe
from src.training.network import build_model, build_optimizer


class KerasFit:
    """Keras' ``compile`` and ``fit`` with default settings, without the average of the weights.

    Takes images ``uint8 [N, H, W]`` and labels ``uint8 [N]``.
    """

    def __init__(
        self, recipe: Recipe, images: np.ndarray, labels: np.ndarray, seed: int = 1
    ) -> None:
        keras.utils.set_random_seed(seed)
        self._data, self._recipe = (images, labels), recipe
        self._model = build_model(recipe, *images.shape[1:], int(labels.max()) + 1)
        steps = recipe.steps or recipe.epochs * (len(labels) // recipe.batch_size)
        self._model.compile(
            build_optimizer(recipe, steps),
            keras.losses.SparseCategoricalCrossentropy(from_logits=True),
            metrics=["accuracy"],
        )

    def train_epoch(self) -> float:
        """Train for one epoch, without validation; return the mean loss of its batches."""
        settings = {"batch_size": self._recipe.batch_size, "shuffle": self._recipe.shuffle}
        return self._model.fit(*self._data, **settings, verbose=0).history["loss"][0]
