"""Corruptions of images: what each one does, at each strength, and that they are fixed."""

import numpy as np
import pytest
from scipy.ndimage import label

from benchmarks import corruptions
from benchmarks.corruptions import CORRUPTIONS, LEVELS, corrupt, corrupted_chunks

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
def test_a_higher_strength_is_farther_from_the_images(images, name):
    distances = [
        np.abs(corrupt(images, name, level).astype(int) - images).mean() for level in LEVELS
    ]
    assert 0 < distances[0] < distances[1] < distances[2]


@EVERY
@pytest.mark.parametrize("shape", [(3, 8, 8), (2, 6, 5), (1, 1, 1), (2, 3, 40), (0, 28, 28)])
def test_other_sizes(name, shape):
    images = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    for level in LEVELS:
        corrupted = corrupt(images, name, level)
        assert corrupted.dtype == np.uint8 and corrupted.shape == shape


@EVERY
def test_the_images_of_a_file_are_corrupted_in_parts(images, name, tmp_path, monkeypatch):
    monkeypatch.setattr(corruptions, "CHUNK_PIXELS", 100 * 28 * 28)
    np.save(tmp_path / "images.npy", images[:250])
    mapped = np.load(tmp_path / "images.npy", mmap_mode="r")
    chunks = list(corrupted_chunks(mapped, name, 2))
    assert [len(chunk) for chunk in chunks] == [100, 100, 50]
    np.testing.assert_array_equal(np.concatenate(chunks), corrupt(images[:250], name, 2))


@pytest.mark.parametrize("level", LEVELS)
def test_a_shift_moves_the_center_by_whole_pixels_in_one_direction(images, level):
    moves = centers(corrupt(images, "shift", level)) - centers(images)
    np.testing.assert_allclose(np.abs(moves).sum(axis=1), level, atol=1e-6)
    directions = {tuple(move) for move in moves.round().astype(int).tolist()}
    assert directions == {(level, 0), (-level, 0), (0, level), (0, -level)}


@pytest.mark.parametrize("level, angle", [(1, 15), (2, 30), (3, 45)])
def test_a_rotation_is_by_the_angle_in_both_directions(level, angle):
    line = np.zeros((40, 29, 29), np.uint8)
    line[:, 14, 4:25] = 255  # horizontal
    turned = corrupt(line, "rotate", level).astype(float)
    rows, columns = np.indices((29, 29)) - 14
    moments = (turned * rows * columns).sum((1, 2)), (turned * (columns**2 - rows**2)).sum((1, 2))
    angles = np.rad2deg(np.arctan2(2 * moments[0], moments[1]) / 2)
    np.testing.assert_allclose(np.abs(angles), angle, atol=0.5)
    assert angles.min() < 0 < angles.max()


def test_scaling_multiplies_lengths_by_the_factor_or_divides_them():
    for level, factor in zip(LEVELS, CORRUPTIONS["scale"].strengths, strict=True):
        lengths = np.sqrt(areas(corrupt(square(first=4, last=24), "scale", level))) / 20
        np.testing.assert_allclose(np.maximum(lengths, 1 / lengths), factor, rtol=0.03)
        assert lengths.min() < 1 < lengths.max()


def test_shearing_moves_rows_and_keeps_their_gray_levels():
    images = square()
    slanted = corrupt(images, "shear", 2)
    np.testing.assert_allclose(slanted.sum(2, dtype=int), images.sum(2, dtype=int), atol=2)
    columns = (slanted[:, 10:18] * np.arange(28)).sum(2) / slanted[:, 10:18].sum(2)
    slopes = np.diff(columns, axis=1)
    np.testing.assert_allclose(np.abs(slopes), 0.4, atol=0.02)
    assert slopes.min() < 0 < slopes.max()


def test_blur_has_the_standard_deviation_of_the_strength():
    point = np.zeros((1, 29, 29), np.uint8)
    point[:, 14, 14] = 255
    (spread,) = corrupt(point, "blur", 1).astype(float)
    variance = (spread.sum(0) * (np.arange(29) - 14) ** 2).sum() / spread.sum()
    assert np.sqrt(variance) == pytest.approx(29 / 28, abs=0.05)


def test_noise_has_the_standard_deviation_of_the_strength():
    gray = np.full((20, 28, 28), 128, np.uint8)
    noisy = corrupt(gray, "noise", 1).astype(float) - 128
    assert noisy.std() == pytest.approx(40, rel=0.02) and abs(noisy.mean()) < 1


def test_occlusion_makes_a_square_black_somewhere():
    white = np.full((40, 28, 28), 255, np.uint8)
    for level, side in zip(LEVELS, (6, 9, 12), strict=True):
        corners = set()
        for image in corrupt(white, "occlusion", level):
            rows, columns = np.nonzero(image == 0)
            assert len(rows) == side**2
            assert np.ptp(rows) == np.ptp(columns) == side - 1
            corners.add((rows[0], columns[0]))
        assert len(corners) > 20


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


def test_contrast_keeps_the_mean_and_reduces_the_differences(images):
    for level, factor in zip(LEVELS, (0.5, 0.3, 0.1), strict=True):
        faint = corrupt(images, "contrast", level)
        np.testing.assert_allclose(faint.mean((1, 2)), images.mean((1, 2)), atol=0.5)
        ratio = faint.std((1, 2)) / images.std((1, 2))
        np.testing.assert_allclose(ratio, factor, atol=0.02)


def test_inversion_is_exact_at_the_end_and_reversed_by_itself(images):
    inverted = corrupt(images, "inversion", 3)
    np.testing.assert_array_equal(inverted, 255 - images)
    np.testing.assert_array_equal(corrupt(inverted, "inversion", 3), images)
    assert corrupt(square(), "inversion", 2)[0, 12, 12] < corrupt(square(), "inversion", 2)[0, 0, 0]
