"""Which images are the validation split, and the test split if the user has none."""

from typing import Literal

import numpy as np

MAX_LABELS = 256  # the values of a byte
MOST = 5  # at most one image in five is for validation, unless there are many small classes
DivisionRule = Literal["first", "stratified"]


def validation_images(labels: np.ndarray, count: int, rule: DivisionRule, seed: int) -> np.ndarray:
    """Return ``bool [N]``: the images for validation, about ``count`` and at most a fifth.

    ``first`` are the first images. ``stratified`` is a random sample that has each class in
    proportion, and at least one image of each class; one is also left to train.

    Args:
        labels: ``uint8 [N]``; for ``stratified``, with at least two images of each class.
        seed: of the random sample.
    """
    count = min(count, len(labels) // MOST)
    if rule == "first":
        return np.arange(len(labels)) < count
    sizes = np.bincount(labels, minlength=MAX_LABELS)
    return _sample(labels, _quotas(sizes, count), seed)


def random_test_images(labels: np.ndarray, fraction: float, seed: int) -> np.ndarray:
    """Return ``bool [N]``: a random sample that has this fraction of each class, and at least one.

    Two images of each class, if it has so many, are left: one to train and one for validation.

    Args:
        labels: ``uint8 [N]``.
        seed: of the random sample.
    """
    sizes = np.bincount(labels)
    quotas = [min(max(1, round(size * fraction)), max(0, size - 2)) for size in sizes]
    return _sample(labels, np.array(quotas), seed)


def _sample(labels: np.ndarray, quotas: np.ndarray, seed: int) -> np.ndarray:
    """``bool [N]``: as many random images of each label as its quota says."""
    chosen, random = np.zeros(len(labels), bool), np.random.default_rng(seed)
    for label in np.flatnonzero(quotas):
        own = np.flatnonzero(labels == label)
        chosen[random.choice(own, quotas[label], replace=False)] = True
    return chosen


def _quotas(sizes: np.ndarray, count: int) -> np.ndarray:
    """How many images of each class are in a sample of ``count``, by the largest remainder."""
    exact = sizes * (count / sizes.sum())
    quotas = np.where(sizes > 0, np.clip(exact.astype(int), 1, sizes - 1), 0)
    free = np.where(quotas < sizes - 1, exact - quotas, -np.inf)
    missing = max(0, count - int(quotas.sum()))
    quotas[np.argsort(-free, kind="stable")[:missing]] += 1
    return quotas
