"""Whether an image is like those that the models were trained on; see docs/prediction.md."""

from functools import cache
from pathlib import Path

import numpy as np
from PIL import Image

from src.data.splits import load_split

KNOWN, COMPARED = 20_000, 5_000  # most training and validation images that are used
NEAREST = 5
SIDE = 14  # pixels; larger images are reduced, because single pixels do not matter
FARTHER, BRIGHTER = 99, 99.9  # percentiles of the validation images: unfamiliar above
FEWEST = 100  # validation images that are enough for such a percentile

HINT = (
    "not like the training images: the prediction can be meaningless, because a model must choose "
    "one of its classes"
)


class Familiarity:
    """The distances between an image and the training images.

    The distance is the mean of the squared Euclidean distances to the ``NEAREST`` training images.
    First, each image is reduced to at most ``SIDE`` pixels per side, and divided by the square root
    of its norm: otherwise images with much ink are far from all others, and those with little ink
    near to all. An image is unfamiliar if its distance is greater than that of 99% of the
    validation images, or if it is brighter than 99.9% of them, such as a filled disc.
    """

    def __init__(self, train: np.ndarray, validation: np.ndarray) -> None:
        """Compare validation with training images, both ``uint8 [N, H, W]``."""
        from sklearn.neighbors import NearestNeighbors  # a second to import

        train, validation = _sample(train, KNOWN), _sample(validation, COMPARED)
        self._known = NearestNeighbors(n_neighbors=NEAREST, algorithm="brute").fit(_features(train))
        self._farthest = np.percentile(self._distances(validation), FARTHER)
        self._brightest = np.percentile(validation.mean((1, 2)), BRIGHTER)

    def unfamiliar(self, images: np.ndarray) -> np.ndarray:
        """``bool [N]``: which of the images ``uint8 [N, H, W]`` differ from the training images."""
        is_far = self._distances(images) > self._farthest
        return is_far | (images.mean((1, 2)) > self._brightest)

    def _distances(self, images: np.ndarray) -> np.ndarray:
        distances, _ = self._known.kneighbors(_features(images))
        return (distances**2).mean(1)


@cache
def familiarity(processed: Path) -> Familiarity | None:
    """That of a preprocessed dataset; None if it is too small.

    Raises:
        PipelineError: a file of the dataset is missing or damaged.
    """
    train, validation = (load_split(processed, split)[0] for split in ("train", "validation"))
    return Familiarity(train, validation) if len(validation) >= FEWEST else None


def _sample(images: np.ndarray, most: int) -> np.ndarray:
    """Every nth image: the images can be sorted by class."""
    return np.asarray(images[:: -(-len(images) // most)])


def _features(images: np.ndarray) -> np.ndarray:
    """``float32 [N, D]``"""
    height, width = images.shape[1:]
    scale = min(1, SIDE / max(height, width))
    size = max(1, round(width * scale)), max(1, round(height * scale))
    small = [Image.fromarray(image).resize(size, Image.Resampling.BOX) for image in images]
    features = np.stack([np.asarray(image) for image in small]).reshape(len(small), -1)
    scaled = features.astype(np.float32) / 255
    norms = np.linalg.norm(scaled, axis=1, keepdims=True)
    return scaled / np.sqrt(np.maximum(norms, 1e-3))
