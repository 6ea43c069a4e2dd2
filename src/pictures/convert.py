"""Image files of any size, converted to the images that a model is trained on."""

from dataclasses import dataclass
from typing import NotRequired, TypedDict

import numpy as np

from src.pictures.decode import PictureError, decode
from src.pictures.divide import divide, whole
from src.pictures.ink import center_like_mnist, edge, find_ink, fit, is_like_mnist, pasted, widened

WORKING_SIDE = 1000  # pixels; larger images are reduced first, because models have small inputs
COLORS = {True: "dark on light", False: "light on dark"}


class Conversion(TypedDict):
    """How image files are converted: for training and for prediction in the same way."""

    center_like_mnist: bool  # cropped to the ink, scaled, and centered by mass, light on dark
    light_on_dark: bool  # whether dark images on a light background are inverted
    bits: NotRequired[int]  # that images of 16 bits use, if the dataset has such images


@dataclass(frozen=True)
class Picture:
    """The input of a model."""

    image: np.ndarray  # uint8 [H, W]
    note: str  # how the file was converted, in a few words
    # Of one digit of a row: left, top, width, height, as fractions of the picture's.
    box: tuple[float, float, float, float] | None = None
    is_no_digit: bool = False  # whether it should be one, but is wider than any, or filled


def convert(content: bytes, shape: tuple[int, int], conversion: Conversion) -> Picture:
    """Convert an image file to the size of a model's input.

    With ``center_like_mnist``, the result is light ink on black; a desk around the paper, shadows
    and dust are removed. Otherwise, it keeps its gray levels and its proportions: it is scaled, and
    what remains on two sides is filled with the color of the background, the median of the pixels
    at the edge.

    Args:
        content: of an image file; see ``decode``.
        shape: height and width of the model's input.

    Raises:
        PictureError: the file cannot be decoded or is too large; or there is no ink to center.
    """
    if conversion["center_like_mnist"]:
        return _centered(content, shape, conversion, divides=False)[0]
    gray, size = _decoded(content, shape, conversion)
    paper = int(np.median(edge(gray)))
    is_dark = paper - int(gray.min()) > int(gray.max()) - paper
    note = f"{COLORS[is_dark]}, {size}" if conversion["light_on_dark"] else size
    scaled = fit(gray, shape)
    top, left = ((full - part) // 2 for full, part in zip(shape, scaled.shape, strict=True))
    image = pasted(scaled, shape, top, left, paper)
    note += ": not scaled" if gray.shape == shape else ": scaled to fit"
    return Picture(255 - image if is_dark and conversion["light_on_dark"] else image, note)


def convert_row(content: bytes, shape: tuple[int, int], conversion: Conversion) -> list[Picture]:
    """Convert an image file that may show several digits in a row: one image for each digit.

    Arguments and errors are those of ``convert``; ``conversion`` has ``center_like_mnist``.
    """
    return _centered(content, shape, conversion, divides=True)


def _decoded(
    content: bytes, shape: tuple[int, int], conversion: Conversion
) -> tuple[np.ndarray, str]:
    """The gray levels of a file, and its size."""
    # Twice the side, so that a reduced image never has the right size by chance.
    side, by_color = max(WORKING_SIDE, 2 * max(shape)), conversion["center_like_mnist"]
    return decode(content, side, by_color, conversion.get("bits", 16))


def _centered(
    content: bytes, shape: tuple[int, int], conversion: Conversion, divides: bool
) -> list[Picture]:
    gray, size = _decoded(content, shape, conversion)
    for is_dark, levels in ((False, gray), (True, 255 - gray)):
        if gray.shape == shape and is_like_mnist(levels):
            return [Picture(levels, f"{COLORS[is_dark]}, {size}: centered like MNIST")]
    if (found := find_ink(gray)) is None:
        raise PictureError("is empty: all pixels have nearly the same brightness")
    ink, is_dark = found
    note = f"{COLORS[is_dark]}, {size}: scaled and centered like MNIST"
    parts, pictures = divide(ink) if divides else [whole(ink)], []
    for part in parts:
        # What is left can be faint: the darkest ink may have been removed as dust.
        image = center_like_mnist(widened(part.ink / part.ink.max()), shape)
        image = (image * (255 / image.max())).astype(np.uint8)
        box = part.box(*gray.shape) if len(parts) > 1 else None
        pictures.append(Picture(image, note, box, divides and part.is_no_digit))
    return pictures
