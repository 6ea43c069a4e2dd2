"""Image files of any size, converted to the images that a model is trained on."""

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from src.ingest.catalog import Conversion
from src.ingest.normalize import fit, frame
from src.pictures.decode import PictureError, decode
from src.pictures.ink import background, find_ink
from src.pictures.paper import without_desk

WORKING_SIDE = 1000  # pixels; larger images are reduced first, because models have small inputs
MIN_CONTRAST = 24  # of 255; a framed image with less contrast is considered empty
PAPER, INK = 0.25, 0.75  # fractions of the maximum contrast: background below, full ink above
COLORS = {True: "dark on light", False: "light on dark"}
SPECK = 0.02  # fraction of the largest stroke's area: smaller strokes are removed as dust


@dataclass(frozen=True)
class Picture:
    """The input of a model."""

    image: np.ndarray  # uint8 [H, W]
    note: str  # how the file was converted, in a few words


def convert(content: bytes, name: str, shape: tuple[int, int], conversion: Conversion) -> Picture:
    """Convert an image file to the size of a model's input.

    The median of the pixels at the edge is the color of the background. A framed image has light
    ink on black; a desk around the paper, shadows and dust are removed. Any other image keeps its
    gray levels and its proportions: it is scaled, and what remains on two sides is filled with the
    color of the background. An image that already has the right size is used unchanged, apart from
    inverting it.

    Args:
        content: of a PNG, JPEG, GIF, BMP, TIFF or WebP file; see ``decode``.
        name: for messages.
        shape: height and width of the model's input.

    Raises:
        PictureError: the file cannot be decoded, is too large, or is empty and must be framed.
    """
    # Twice the side, so that a reduced image never has the right size by chance.
    gray, size = decode(content, name, max(WORKING_SIDE, 2 * max(shape)), conversion["framed"])
    if conversion["framed"] and gray.shape != shape:
        ink, is_dark = find_ink(without_desk(gray))
        note = f"{COLORS[is_dark]}, {size}: scaled and centered like MNIST"
        return Picture(_framed(ink, name, shape), note)
    paper, is_dark = background(gray)
    is_inverted, note = False, size
    if conversion["framed"] or conversion["light_on_dark"]:
        is_inverted, note = is_dark, f"{COLORS[is_dark]}, {size}"
    if gray.shape == shape:
        return Picture(255 - gray if is_inverted else gray, f"{note}: not scaled")
    image = _padded(fit(gray, shape), shape, paper)
    return Picture(255 - image if is_inverted else image, f"{note}: scaled to fit")


def _framed(contrast: np.ndarray, name: str, shape: tuple[int, int]) -> np.ndarray:
    """Frame ``float [h, w]``, which is positive where there is ink."""
    if contrast.max() < MIN_CONTRAST:
        raise PictureError(name, "is empty: all pixels have nearly the same brightness")
    ink = np.clip((contrast / contrast.max() - PAPER) / (INK - PAPER), 0, 1)
    framed = frame((255 * _without_specks(ink)).astype(np.uint8), shape)
    if not framed.any():
        raise PictureError(name, "is empty: it shows only dust")
    # A thin stroke becomes faint when a large image is reduced; the strokes of MNIST are not faint.
    return (framed * (255 / framed.max())).astype(np.uint8)


def _without_specks(ink: np.ndarray) -> np.ndarray:
    strokes, count = ndimage.label(ink > 0, structure=np.ones((3, 3)))
    areas = ndimage.sum_labels(ink, strokes, range(1, count + 1))
    small = np.flatnonzero(areas < SPECK * areas.max()) + 1
    return np.where(np.isin(strokes, small), 0, ink)


def _padded(image: np.ndarray, shape: tuple[int, int], paper: int) -> np.ndarray:
    """Put ``[h, w]`` into the center of ``[H, W]``."""
    before = [(full - own) // 2 for full, own in zip(shape, image.shape, strict=True)]
    padded = np.full(shape, paper, np.uint8)
    top, left = before
    padded[top : top + image.shape[0], left : left + image.shape[1]] = image
    return padded
