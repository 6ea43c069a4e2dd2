"""Finds test images that are also training images."""

import sys

import numpy as np


def hash_images(images: np.ndarray) -> np.ndarray:
    """Return a hash ``uint64 [N]`` of each image ``uint8 [N, H, W]``.

    It is the sum of the 64-bit words, each multiplied by a random odd number (Carter and Wegman,
    JCSS 18, 1979). Different images have the same hash with a probability of about 2^-64.
    """
    pixels = np.ascontiguousarray(images).reshape(len(images), -1)
    if incomplete := pixels.shape[1] % 8:
        pixels = np.pad(pixels, ((0, 0), (0, 8 - incomplete)))
    words = pixels.view(np.uint64)
    factors = np.random.default_rng(0).integers(0, 2**63, words.shape[1], np.uint64) * 2 + 1
    return words @ factors


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

    def warn(self) -> None:
        """Print a warning if there are such images."""
        if leaked := int(self._copies[self._found].sum()):
            print(
                f"warning: leakage: {leaked:,} of {self._count:,} test images "
                f"({leaked / self._count:.1%}) are also training images, so the test accuracy is "
                "too high; remove them from one of the two",
                file=sys.stderr,
            )
