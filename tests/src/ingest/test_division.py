"""Random splits have each class in proportion, whatever the order of the images."""

import numpy as np
import pytest

from src.ingest.division import random_test_images, validation_images


def test_the_first_images_are_at_most_a_fifth():
    labels = np.zeros(50, np.uint8)
    assert np.flatnonzero(validation_images(labels, 8, "first", 1)).tolist() == [*range(8)]
    assert validation_images(labels, 5000, "first", 1).sum() == 10


@pytest.mark.parametrize("order", ["sorted", "random"])
@pytest.mark.parametrize(
    ("sizes", "count", "expected"),
    [
        ([100, 100, 100], 30, [10, 10, 10]),
        ([60, 30, 10], 10, [6, 3, 1]),
        ([996, 2, 2], 100, [99, 1, 1]),  # at least one of each class
        ([2, 2, 2, 2], 1, [1, 1, 1, 1]),  # more than a fifth: one to train, one to validate
        ([50, 0, 50], 20, [10, 0, 10]),
        ([7, 7, 7], 4, [2, 1, 1]),  # the largest remainders, the first class first
        ([60, 1], 6, [6, 0]),  # a single image is for training
    ],
)
def test_a_stratified_sample_is_proportional(sizes, count, expected, order):
    labels = np.repeat(np.arange(len(sizes)), sizes).astype(np.uint8)
    if order == "random":
        np.random.default_rng(5).shuffle(labels)
    chosen = validation_images(labels, count, "stratified", 1)
    assert np.bincount(labels[chosen], minlength=len(sizes)).tolist() == expected


def test_the_sample_depends_on_the_seed():
    labels = np.repeat([0, 1], 500).astype(np.uint8)
    one, same, other = (validation_images(labels, 100, "stratified", seed) for seed in (1, 1, 2))
    assert (one == same).all() and (one != other).any()


@pytest.mark.parametrize(
    ("sizes", "fraction", "expected"),
    [
        ([100, 50, 10], 0.2, [20, 10, 2]),
        ([3, 4, 0, 100, 2, 1], 0.01, [1, 1, 0, 1, 0, 0]),  # at least one, if two are left
        ([3, 4, 100], 0.99, [1, 2, 98]),  # two are left: one to train, one to validate
    ],
)
def test_test_images_are_a_part_of_each_class(sizes, fraction, expected):
    labels = np.repeat(np.arange(len(sizes)), sizes).astype(np.uint8)
    np.random.default_rng(5).shuffle(labels)
    chosen = random_test_images(labels, fraction, 1)
    assert np.bincount(labels[chosen], minlength=len(sizes)).tolist() == expected
    assert (chosen == random_test_images(labels, fraction, 1)).all()
    assert len(labels) < 150 or (chosen != random_test_images(labels, fraction, 2)).any()
