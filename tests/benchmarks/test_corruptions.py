"""Corruptions of images: what each one does, at each strength, and that they are fixed."""

import numpy as np
import pytest
from scipy.ndimage import label

from benchmarks.corruptions import CORRUPTIONS, LEVELS, corrupt

EVERY = pytest.mark.parametrize("name", CORRUPTIONS)


@pytest.fixture(scope="module")
def images(digits):
    """300 digits with a margin of at least 4 pixels, like those of MNIST."""
    margin = digits[0][:300].copy()
    for edge in (np.s_[:, :4], np.s_[:, -4:], np.s_[:, :, :4], np.s_[:, :, -4:]):
        margin[edge] = 0
    return margin


def square(side: int = 28, first: int = 10, last: int = 18, count: int = 40) -> np.ndarray:
    """Images with a white square."""
    images = np.zeros((count, side, side), np.uint8)
    images[:, first:last, first:last] = 255
    return images


def centers(images: np.ndarray) -> np.ndarray:
    """The centers of mass: ``float [N, 2]``, row and column."""
    mass = images.sum((1, 2), dtype=float)
    rows, columns = np.indices(images.shape[1:])
    return np.stack([(images * each).sum((1, 2)) / mass for each in (rows, columns)], axis=1)


def areas(images: np.ndarray) -> np.ndarray:
    """The sum of the gray levels of each image, in white pixels."""
    return images.sum((1, 2)) / 255


@EVERY
def test_the_result_is_fixed_and_like_the_images(images, name):
    before = images.copy()
    for level in LEVELS:
        corrupted = corrupt(images, name, level)
        assert corrupted.dtype == np.uint8 and corrupted.shape == images.shape
        assert corrupted.tobytes() == corrupt(images, name, level).tobytes()
    np.testing.assert_array_equal(images, before)


@EVERY
@EVERY
@pytest.mark.parametrize("shape", [(3, 8, 8), (2, 6, 5), (1, 1, 1), (2, 3, 40), (0, 28, 28)])
def test_other_sizes(name, shape):
    images = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    for level in LEVELS:
        corrupted = corrupt(images, name, level)
        assert corrupted.dtype == np.uint8 and corrupted.shape == shape


@EVERY
@pytest.mark.parametrize("level", LEVELS)
def test_a_shift_moves_the_center_by_whole_pixels_in_one_direction(images, level):
    moves = centers(corrupt(images, "shift", level)) - centers(images)
    np.testing.assert_allclose(np.abs(moves).sum(axis=1), level, atol=1e-6)
    directions = {tuple(move) for move in moves.round().astype(int).tolist()}
    assert directions == {(level, 0), (-level, 0), (0, level), (0, -level)}


def test_strokes_become_thicker_or_thinner_but_stay_connected(images):
    for level, edge in zip(LEVELS, (0.3, 0.6, 0.9), strict=True):
        changed = areas(corrupt(square(), "stroke width", level))
        outwards, inwards = 64 + 4 * 8 * edge, 64 - 4 * 7 * edge  # the corners are not filled
        assert set(changed.round(0)) == {round(outwards), round(inwards)}
    strokes = corrupt(images, "stroke width", 3)
    before, after = areas(images), areas(strokes)
    assert (after != before).all() and 0.3 < (after > before).mean() < 0.7
    parts = [label(image, np.ones((3, 3)))[1] for image in strokes]
    assert min(parts) == 1, "no digit disappears"


def test_inversion_is_exact_at_the_end_and_reversed_by_itself(images):
    inverted = corrupt(images, "inversion", 3)
    np.testing.assert_array_equal(inverted, 255 - images)
    np.testing.assert_array_equal(corrupt(inverted, "inversion", 3), images)
    assert corrupt(square(), "inversion", 2)[0, 12, 12] < corrupt(square(), "inversion", 2)[0, 0, 0]
