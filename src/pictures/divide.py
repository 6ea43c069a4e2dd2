"""Digits in a row, such as a house number or a postcode: the ink of each of them."""

from typing import NamedTuple

import numpy as np
from scipy import ndimage

SAME = 0.5  # fraction of the narrower of two strokes that is above or below the other: one digit
HEIGHT = 0.5  # of the highest digit: least height of a digit
BESIDE = 0.4  # of the highest digit: least height that all digits have in common
AREA = 0.15  # of the digit with the most ink: least ink of a digit
WIDE = 2.1  # times as wide as high: the widest of 942 single digits of other people has 2.07


class Part(NamedTuple):
    """A part of a picture: one digit, or all of the ink."""

    rows: slice
    columns: slice
    ink: np.ndarray  # [rows, columns], without that of other digits

    @property
    def is_wide(self) -> bool:
        """Whether it is wider than any digit: digits that touch, or a line of text."""
        height, width = self.ink.shape
        return width > WIDE * height

    def box(self, height: int, width: int) -> tuple[float, float, float, float]:
        """Left, top, width and height as fractions of a picture of this size in pixels."""
        left, top = self.columns.start / width, self.rows.start / height
        return left, top, self.ink.shape[1] / width, self.ink.shape[0] / height


def divide(ink: np.ndarray) -> list[Part]:
    """Return the digits in a row, from left to right; or all of the ink as one part.

    Strokes above each other, such as the top of a 5, belong to one digit. If a part is too small
    for a digit, or not beside the others, the picture is not divided. Digits that touch cannot be.

    Args:
        ink: ``[h, w]``, 0 where there is no ink, with some ink.
    """
    strokes, _ = ndimage.label(ink > 0, structure=np.ones((3, 3)))
    boxes = ndimage.find_objects(strokes)
    digits: list[list[int]] = []  # numbers of strokes
    right, width = 0, 0  # of the last digit
    for number in sorted(range(len(boxes)), key=lambda each: boxes[each][1].start):
        first, end = boxes[number][1].start, boxes[number][1].stop
        if digits and right - first > SAME * min(width, end - first):
            digits[-1].append(number + 1)
            width += max(0, end - right)
        else:
            digits.append([number + 1])
            right, width = 0, end - first
        right = max(right, end)
    parts = [whole(np.where(np.isin(strokes, numbers), ink, 0)) for numbers in digits]
    return parts if _is_row(parts) else [whole(ink)]


def whole(ink: np.ndarray) -> Part:
    """All of the ink ``[h, w]``, some of which is not 0, as one part."""
    ((rows, columns),) = ndimage.find_objects((ink > 0).astype(np.uint8))
    return Part(rows, columns, ink[rows, columns])


def _is_row(parts: list[Part]) -> bool:
    heights, areas = [len(part.ink) for part in parts], [part.ink.sum() for part in parts]
    common = min(part.rows.stop for part in parts) - max(part.rows.start for part in parts)
    is_beside = common >= BESIDE * max(heights)
    return is_beside and min(heights) >= HEIGHT * max(heights) and min(areas) >= AREA * max(areas)
