"""Finds test images that are also training images."""

import numpy as np

TABLE_BITS = 22  # a table of 4 MiB


class Leakage:
    """Counts the test images that are also training images.

    Most training images are none of them. A table of the last bits of the hashes excludes these
    without a search, which takes most of the time if there are many test images.

    Args:
        test: the hash of each test image.
    """

    def __init__(self, test: np.ndarray) -> None:
        self._hashes, self._copies = np.unique(test, return_counts=True)
        self._count, self._found = len(test), np.zeros(len(self._hashes), bool)
        self._is_possible = np.zeros(1 << TABLE_BITS, bool)
        self._is_possible[self._last_bits(test)] = True

    def _last_bits(self, hashes: np.ndarray) -> np.ndarray:
        return (hashes & np.uint64((1 << TABLE_BITS) - 1)).astype(np.int64)

    def add(self, hashes: np.ndarray) -> None:
        """Look for training images, given by their hashes."""
        hashes = hashes[self._is_possible[self._last_bits(hashes)]]
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
