"""Digits in a row are divided, a digit of several strokes is not; with real digits."""

import numpy as np
import pytest
from PIL import Image

from src.ingest.catalog import DRAWINGS
from src.pictures.convert import convert, convert_row
from src.pictures.divide import divide, whole
from tests.fixtures.image_folders import encoded


def drawn(*boxes: tuple[int, int, int, int], shape: tuple[int, int] = (60, 200)) -> np.ndarray:
    """Filled rectangles: top, bottom, left, right."""
    ink = np.zeros(shape, np.float32)
    for top, bottom, left, right in boxes:
        ink[top:bottom, left:right] = 1
    return ink


@pytest.mark.parametrize(
    ("boxes", "columns"),
    [
        ([(10, 50, 10, 40), (12, 55, 60, 70), (5, 45, 90, 120)], [(10, 40), (60, 70), (90, 120)]),
        ([(10, 15, 12, 40), (18, 50, 10, 38)], [(10, 40)]),  # a 5 whose top is separate
        ([(10, 50, 10, 14), (10, 50, 30, 34)], [(10, 14), (30, 34)]),  # 11
        ([(10, 50, 10, 40), (46, 50, 45, 49), (10, 50, 60, 90)], [(10, 40), (60, 90)]),  # a point
        ([(10, 50, 10, 40), (28, 32, 60, 90)], [(10, 90)]),  # a minus sign is no digit
        ([(0, 25, 10, 40), (30, 58, 60, 90)], [(10, 90)]),  # not beside each other
    ],
    ids=["three", "five", "eleven", "point", "minus", "diagonal"],
)
def test_parts_beside_each_other_are_digits(boxes, columns):
    parts = divide(drawn(*boxes))
    assert [(part.columns.start, part.columns.stop) for part in parts] == columns
    for part in parts:
        assert part.ink.shape == drawn()[part.rows, part.columns].shape


def test_slanted_digits_whose_boxes_overlap_get_only_their_ink():
    ink = np.zeros((60, 60), np.float32)
    for shift in (0, 25):
        for row in range(10, 50):
            ink[row, 45 - row // 2 + shift - 20 : 50 - row // 2 + shift - 20] = 1
    first, second = divide(ink)
    assert first.columns.stop > second.columns.start - 6
    assert first.ink.sum() == second.ink.sum() == ink.sum() / 2


def test_a_box_is_a_fraction_of_the_picture_and_wide_or_filled_ink_is_no_digit():
    (part,) = divide(drawn((15, 45, 50, 150)))
    assert part.box(60, 200) == (0.25, 0.25, 0.5, 0.5) and part.is_no_digit
    assert whole(drawn((15, 45, 50, 80))).is_no_digit  # filled
    assert not whole(drawn((15, 45, 50, 58))).is_no_digit


@pytest.fixture(scope="module")
def row(digits):
    """A light picture with five real digits in dark ink, and their labels."""
    images, labels = digits
    paper = np.zeros((160, 640), np.uint8)
    for place, image in enumerate(images[:5]):
        large = Image.fromarray(image).resize((80, 80), Image.Resampling.BICUBIC)
        paper[40:120, 20 + 120 * place : 100 + 120 * place] = np.asarray(large)
    return 230 - (paper * (200 / 255)).astype(np.uint8), labels[:5]


def test_each_digit_of_a_row_is_converted_as_if_it_were_alone(row):
    picture, labels = row
    found = convert_row(encoded(picture), (28, 28), DRAWINGS)
    assert len(found) == len(labels)
    for place, digit in enumerate(found):
        left = 120 * place
        alone = convert(encoded(picture[:, left : left + 120]), (28, 28), DRAWINGS)
        np.testing.assert_allclose(digit.image.astype(int), alone.image.astype(int), atol=12)
        assert left < 640 * digit.box[0] < left + 120 and digit.box[3] <= 0.5


def test_ink_is_no_digit_only_where_it_should_be_one():
    dash = encoded(255 - np.pad(np.full((20, 80), 255, np.uint8), 40))
    assert convert_row(dash, (28, 28), DRAWINGS)[0].is_no_digit
    assert not convert(dash, (28, 28), DRAWINGS).is_no_digit


def test_faint_ink_remains_where_a_dark_speck_is_removed():
    paper = np.full((200, 200), 255, np.uint8)
    paper[40:160, 90:110], paper[10:14, 10:14] = 200, 0
    (picture,) = convert_row(encoded(paper), (28, 28), DRAWINGS)
    assert picture.image.max() == 255 and (picture.image > 128).sum() > 20


def test_single_digits_are_not_divided(digits):
    counts = [
        len(convert_row(encoded(np.pad(image, 10)), (28, 28), DRAWINGS))
        for image in digits[0][:300]
    ]
    assert counts.count(1) >= 299
