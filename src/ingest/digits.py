"""The fallback dataset: scikit-learn's 1,797 digits, as IDX files."""

from pathlib import Path

import numpy as np
from PIL import Image

from src.ingest import catalog, idx
from src.pictures.ink import center_like_mnist

TEST_COUNT = 360  # a fifth; the first 1,437 are for training

# The source counts the black pixels in blocks of 4×4, so an image has 8×8 values from 0 to 16: the
# strokes are there, but blurred. Enlarging and steepening the blur gives strokes with about
# the weight and the fraction of full ink of MNIST's strokes, without breaking thin ones.
FULL_INK = 16
ENLARGEMENT = 8
PAPER, INK = 0.30, 0.65


def digits() -> tuple[np.ndarray, np.ndarray]:
    """All the digits, centered like MNIST's: images ``uint8 [1797, 28, 28]``, labels ``[1797]``."""
    from sklearn.datasets import load_digits  # a second to import, for this one function

    bunch = load_digits()
    images = np.stack([center_like_mnist(_sharpened(coarse)) for coarse in bunch.images])
    return images, bunch.target.astype(np.uint8)


def write(folder: Path) -> None:
    """Write the four IDX files, not compressed, into an existing folder."""
    images, labels = digits()
    train, test = slice(None, -TEST_COUNT), slice(-TEST_COUNT, None)
    contents = (images[train], labels[train], images[test], labels[test])
    for name, content in zip(catalog.NAMES, contents, strict=True):
        idx.write(folder / name, content)


def _sharpened(coarse: np.ndarray) -> np.ndarray:
    """``float [8, 8]`` in 0 to 16, to ``uint8 [80, 80]`` (with a margin) with distinct strokes."""
    margin = np.pad(coarse, 1)  # so that strokes at the edge end there instead of being cut
    grey = Image.fromarray((margin * (255 / FULL_INK)).astype(np.uint8))
    side = ENLARGEMENT * len(margin)
    blurred = np.asarray(grey.resize((side, side), Image.Resampling.BICUBIC)) / 255
    return (np.clip((blurred - PAPER) / (INK - PAPER), 0, 1) * 255).astype(np.uint8)
