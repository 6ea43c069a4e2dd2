"""Which images are the validation split, and the test split if the user has none."""

from typing import Literal

import numpy as np

MAX_LABELS = 256  # the values of a byte
MOST = 5  # at most one image in five is for validation, unless there are many small classes
Split = Literal["first", "stratified"]


def choose_split(wanted: Literal["auto", "first", "stratified"], is_known: bool) -> Split:
    """Replace ``auto``: the tutorials use the first images of datasets that are known by name."""
    if wanted == "auto":
        return "first" if is_known else "stratified"
    return wanted


def validation_count(images: int, wanted: int) -> int:
    """How many of the training images are for validation."""
    return min(wanted, images // MOST)


def validation_images(labels: np.ndarray, count: int, split: Split, seed: int) -> np.ndarray:
    """Return ``bool [N]``: the images for validation, about ``count`` and at most a fifth.

    ``first`` are the first images. ``stratified`` is a random sample that has each class in
    proportion, and at least one image of each class; one is also left to train.

    Args:
        labels: ``uint8 [N]``; for ``stratified``, with at least two images of each class.
        seed: of the random sample.
    """
    chosen = np.zeros(len(labels), bool)
    count = validation_count(len(labels), count)
    if split == "first":
        chosen[:count] = True
        return chosen
    random, sizes = np.random.default_rng(seed), np.bincount(labels, minlength=MAX_LABELS)
    for label, quota in enumerate(_quotas(sizes, count)):
        if quota:
            chosen[random.choice(np.flatnonzero(labels == label), quota, replace=False)] = True
    return chosen


def random_test_images(labels: np.ndarray, fraction: float, seed: int) -> np.ndarray:
    """Return ``bool [N]``: a random sample that has this fraction of each class, and at least one.

    At least two images of each class are left: one to train and one for validation.

    Args:
        labels: ``uint8 [N]``, with at least three images of each class.
        seed: of the random sample.
    """
    chosen = np.zeros(len(labels), bool)
    random = np.random.default_rng(seed)
    for label, size in enumerate(np.bincount(labels)):
        if size:
            quota = min(max(1, round(size * fraction)), size - 2)
            chosen[random.choice(np.flatnonzero(labels == label), quota, replace=False)] = True
    return chosen


def _quotas(sizes: np.ndarray, count: int) -> np.ndarray:
    """How many images of each class are in a sample of ``count``, by the largest remainder."""
    exact = sizes * (count / sizes.sum())
    quotas = np.where(sizes > 0, np.clip(exact.astype(int), 1, sizes - 1), 0)
    free = np.where(quotas < sizes - 1, exact - quotas, -np.inf)
    missing = max(0, count - int(quotas.sum()))
    quotas[np.argsort(-free, kind="stable")[:missing]] += 1
    return quotas
