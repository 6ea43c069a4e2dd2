"""Corruptions of images: what each one does, at each strength, and that they are fixed."""

import numpy as np
import pytest

from benchmarks.corruptions import CORRUPTIONS, LEVELS, corrupt

EVERY = pytest.mark.parametrize("name", CORRUPTIONS)


@pytest.fixture(scope="module")
def images(digits):
    """300 digits with a margin of at least 4 pixels, like those of MNIST."""
    margin = digits[0][:300].copy()
    for edge in (np.s_[:, :4], np.s_[:, -4:], np.s_[:, :, :4], np.s_[:, :, -4:]):
        margin[edge] = 0
    return margin


def centers(images: np.ndarray) -> np.ndarray:
    """The centers of mass: ``float [N, 2]``, row and column."""
    mass = images.sum((1, 2), dtype=float)
    rows, columns = np.indices(images.shape[1:])
    return np.stack([(images * each).sum((1, 2)) / mass for each in (rows, columns)], axis=1)


@EVERY
def test_the_result_is_fixed_and_like_the_images(images, name):
    before = images.copy()
    for level in LEVELS:
        corrupted = corrupt(images, name, level)
        assert corrupted.dtype == np.uint8 and corrupted.shape == images.shape
        assert corrupted.tobytes() == corrupt(images, name, level).tobytes()
    np.testing.assert_array_equal(images, before)


@EVERY
@pytest.mark.parametrize("shape", [(3, 8, 8), (2, 6, 5), (1, 1, 1), (2, 3, 40), (0, 28, 28)])
def test_other_sizes(name, shape):
    images = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    for level in LEVELS:
        corrupted = corrupt(images, name, level)
        assert corrupted.dtype == np.uint8 and corrupted.shape == shape


@pytest.mark.parametrize("level", LEVELS)
def test_a_shift_moves_the_center_by_whole_pixels_in_one_direction(images, level):
    moves = centers(corrupt(images, "shift", level)) - centers(images)
    np.testing.assert_allclose(np.abs(moves).sum(axis=1), level, atol=1e-6)
    directions = {tuple(move) for move in moves.round().astype(int).tolist()}
    assert directions == {(level, 0), (-level, 0), (0, level), (0, -level)}
