"""Digits in a row, such as a house number or a postcode: the ink of each of them."""

from typing import NamedTuple

import numpy as np
from scipy import ndimage

SAME = 0.5  # fraction of the narrower of two strokes that is above or below the other: one digit
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
    boxes = ndimage.find_objects(strokes)
    areas = ndimage.sum_labels(ink, strokes, range(1, len(boxes) + 1))
    groups = [np.array(group) for group in _above_each_other([box[1] for box in boxes])]
    largest = max(areas[group].sum() for group in groups)
    groups = [group for group in groups if areas[group].sum() >= POINT * largest]
    places = [_union([boxes[number] for number in group]) for group in groups]
    if not _is_row([rows for rows, _ in places], [areas[group].sum() for group in groups]):
        return [whole(ink)]
    parts = []
    for group, place in zip(groups, places, strict=True):
        is_part = np.isin(strokes[place], group + 1)
        parts.append(Part(*place, np.where(is_part, ink[place], 0)))
    return parts


def whole(ink: np.ndarray) -> Part:
    """All of the ink ``[h, w]``, some of which is not 0, as one part."""
    ((rows, columns),) = ndimage.find_objects((ink > 0).astype(np.uint8))
    return Part(rows, columns, ink[rows, columns])


def _above_each_other(columns: list[slice]) -> list[list[int]]:
    """The numbers of the strokes of each digit, from left to right."""
    digits: list[list[int]] = []
    right, width = 0, 0  # of the last digit
    for number in sorted(range(len(columns)), key=lambda each: columns[each].start):
        first, end = columns[number].start, columns[number].stop
        if digits and right - first > SAME * min(width, end - first):
            digits[-1].append(number)
            width += max(0, end - right)
        else:
            digits.append([number])
            right, width = 0, end - first
        right = max(right, end)
    return digits


def _union(boxes: list[tuple[slice, slice]]) -> tuple[slice, slice]:
    rows, columns = (
        slice(min(side.start for side in sides), max(side.stop for side in sides))
        for sides in zip(*boxes, strict=True)
    )
    return rows, columns


def _is_row(rows: list[slice], areas: list[float]) -> bool:
    heights = [each.stop - each.start for each in rows]
    common = min(each.stop for each in rows) - max(each.start for each in rows)
    is_line = common >= OVERLAP * max(heights)
    return is_line and min(heights) >= HEIGHT * max(heights) and min(areas) >= INK * max(areas)
