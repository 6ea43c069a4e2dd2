"""Digits in a row, such as a house number or a postcode: the ink of each of them."""

from typing import NamedTuple

import numpy as np
from scipy import ndimage

SAME = 0.5  # two strokes that overlap by more than this part of the narrower one are one digit
HEIGHT = 0.5  # of the highest digit: least height of a digit
OVERLAP = 0.4  # of the highest digit: least height of the rows that all digits share
INK = 0.15  # of the digit with the most ink: least ink of a digit
POINT = 0.05  # of the digit with the most ink: less is a point or dust
FILLED = 0.65  # of the longer side: the diameter of the largest disk inside; MNIST: at most 0.61
WIDE = 2.1  # times as wide as high: the widest of 942 single digits of other people has 2.07


class Part(NamedTuple):
    """A part of a picture: one digit, or all of the ink."""

    rows: slice
    columns: slice
    ink: np.ndarray  # [rows, columns], without that of other digits

    @property
    def is_no_digit(self) -> bool:
        """Whether it is wider than any digit, as digits that touch are, or filled, as a dot is."""
        height, width = self.ink.shape
        inside = ndimage.distance_transform_edt(np.pad(self.ink > 0, 1))
        return width > WIDE * height or 2 * inside.max() > FILLED * max(height, width)

    def box(self, height: int, width: int) -> tuple[float, float, float, float]:
        """Left, top, width and height as fractions of a picture of this size in pixels."""
        left, top = self.columns.start / width, self.rows.start / height
        return left, top, self.ink.shape[1] / width, self.ink.shape[0] / height


def divide(ink: np.ndarray) -> list[Part]:
    """Return the digits in a row, from left to right; or all of the ink as one part.

    Strokes above each other, such as the top of a 5, belong to one digit. Points between digits are
    left out. If a part is too small for a digit, or not in line with the others, the picture is not
    divided. Digits that touch cannot be divided.

    Args:
        ink: ``[h, w]``, 0 where there is no ink, with some ink.
    """
    strokes, _ = ndimage.label(ink > 0, structure=np.ones((3, 3)))
    digits = _above_each_other([columns for _, columns in ndimage.find_objects(strokes)])[strokes]
    places = ndimage.find_objects(digits)
    areas = ndimage.sum_labels(ink, digits, range(1, len(places) + 1))
    kept = np.flatnonzero(areas >= POINT * areas.max())
    if not _is_row([places[index][0] for index in kept], areas[kept]):
        return [whole(ink)]
    parts = []
    for index in kept:
        rows, columns = places[index]
        is_part = digits[rows, columns] == index + 1
        parts.append(Part(rows, columns, np.where(is_part, ink[rows, columns], 0)))
    return parts


def whole(ink: np.ndarray) -> Part:
    """All of the ink ``[h, w]``, some of which is not 0, as one part."""
    ((rows, columns),) = ndimage.find_objects((ink > 0).astype(np.uint8))
    return Part(rows, columns, ink[rows, columns])


def _above_each_other(columns: list[slice]) -> np.ndarray:
    """The number of the digit of each stroke, from left to right; before them, 0 for no stroke."""
    digits, count, right, width = np.zeros(len(columns) + 1, int), 0, 0, 0
    for stroke in sorted(range(len(columns)), key=lambda each: columns[each].start):
        first, end = columns[stroke].start, columns[stroke].stop
        if count and right - first > SAME * min(width, end - first):
            width += max(0, end - right)  # of the last digit
        else:
            count, right, width = count + 1, 0, end - first
        digits[stroke + 1] = count
        right = max(right, end)
    return digits


def _is_row(rows: list[slice], areas: np.ndarray) -> bool:
    heights = [each.stop - each.start for each in rows]
    common = min(each.stop for each in rows) - max(each.start for each in rows)
    is_line = common >= OVERLAP * max(heights)
    has_ink = areas.min() >= INK * areas.max()
    return bool(is_line and min(heights) >= HEIGHT * max(heights) and has_ink)
