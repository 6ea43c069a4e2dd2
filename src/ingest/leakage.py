"""Finds test images that are also training images."""

import numpy as np


class Leakage:
    """Counts the test images that are also training images.

    Args:
        test: the hash of each test image.
    """

    def __init__(self, test: np.ndarray) -> None:
        self._hashes, self._copies = np.unique(test, return_counts=True)
        self._count, self._found = len(test), np.zeros(len(self._hashes), bool)

    def add(self, hashes: np.ndarray) -> None:
        """Look for training images, given by their hashes."""
        places = np.searchsorted(self._hashes, hashes).clip(max=len(self._hashes) - 1)
        self._found[places[self._hashes[places] == hashes]] = True

    def warning(self) -> list[str]:
        """Return a sentence if there are such images, otherwise nothing."""
        if not (leaked := int(self._copies[self._found].sum())):
            return []
        return [
            f"leakage: {leaked:,} of {self._count:,} test images ({leaked / self._count:.1%}) are "
            "also training images, so the test accuracy is too high; remove them from one of the "
            "two"
        ]
