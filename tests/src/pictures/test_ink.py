"""Ink is found on any background, and centered like MNIST's digits."""

import numpy as np
import pytest
from PIL import Image, ImageDraw
from scipy import ndimage

from src.pictures.ink import center_like_mnist, find_ink, widened


@pytest.mark.parametrize("pen", [4, 10, 20])
def test_thin_strokes_are_widened_to_those_of_mnist(pen):
    drawing = Image.new("L", (400, 500), 255)
    ImageDraw.Draw(drawing).line([(80, 60), (320, 60), (160, 440)], 0, pen)
    ink, is_dark = find_ink(np.asarray(drawing))
    image = center_like_mnist(widened(ink))
    widths = (image[6:-6].astype(float) / image.max()).sum(axis=1)  # of the stroke, in each row
    assert is_dark and 1.7 <= np.median(widths) <= 3.5


@pytest.mark.parametrize("side", [16, 200])
def test_a_digit_that_fills_its_picture_is_not_taken_for_a_background(digits, side):
    right = 0
    for image in digits[0][:50]:
        rows, columns = (np.flatnonzero(image.any(axis)) for axis in (1, 0))
        crop = Image.fromarray(image[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1])
        size = (max(4, round(length * side / max(crop.size))) for length in crop.size)
        ink, is_dark = find_ink(np.asarray(crop.resize(tuple(size))))
        right += (
            not is_dark and np.abs(center_like_mnist(widened(ink)).astype(int) - image).mean() < 20
        )
    assert right >= 45  # of a thick 1, more than half of the pixels is ink


def extent(image):
    rows, columns = np.nonzero(image)
    return int(np.ptp(rows)) + 1, int(np.ptp(columns)) + 1


def test_the_center_of_mass_is_at_the_center_unless_ink_would_be_lost():
    lopsided = np.zeros((40, 40), np.uint8)
    lopsided[:, :8] = lopsided[32:, :] = 255  # an L
    center = ndimage.center_of_mass(center_like_mnist(lopsided))
    np.testing.assert_allclose(center, 13.5, atol=0.5)
    flag = np.full((40, 40), 1, np.uint8)
    flag[:2] = 255
    assert extent(center_like_mnist(flag)) == (20, 20)


@pytest.mark.parametrize("shape", [(1, 1), (1, 28), (2, 3), (28, 28), (30, 90), (512, 200)])
@pytest.mark.parametrize("size", [(1, 1), (300, 1), (1, 300), (50, 70)])
def test_any_shape_is_centered_in_proportion(shape, size):
    image = center_like_mnist(np.full(size, 255, np.uint8), shape)
    assert image.shape == shape and image.dtype == np.uint8
    box = [max(1, round(side * 20 / 28)) for side in shape]
    height, width = extent(image)
    assert (height == box[0] or width == box[1]) and height <= box[0] and width <= box[1]
    if min(height, width) > 10:
        assert height / width == pytest.approx(size[0] / size[1], rel=0.1)
    middle = [(side - 1) / 2 for side in shape]
    np.testing.assert_allclose(ndimage.center_of_mass(image), middle, atol=0.5)
