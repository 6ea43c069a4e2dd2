"""Image files of any size, converted to the images that a model is trained on.

The ink of a drawing or a photograph is found on paper of any color, in a shadow, on a desk.
"""

from dataclasses import dataclass
from typing import NotRequired, TypedDict

import numpy as np
from PIL import Image
from scipy import ndimage

from src.pictures.decode import PictureError, decode

SIDE, BOX = 28, 20  # of MNIST's images, and of the digits in them
WORKING_SIDE = 1000  # pixels; larger images are reduced first, because models have small inputs
MIN_CONTRAST = 24  # of 255; a drawing with less contrast is considered empty
PAPER, INK = 0.25, 0.75  # fractions of the maximum contrast: background below, full ink above
COLORS = {True: "dark on light", False: "light on dark"}
SPECK = 0.02  # fraction of the largest stroke's area: smaller strokes are removed as dust
# The ink of a photograph:
UNEVEN = 0.1  # fraction of the edge that may differ from the background
DIFFERENT = 0.25  # fraction of the maximum contrast
WIDEST = 0.18  # fraction of the shorter side: wider areas are no strokes
BLUR = 0.005  # fraction of the shorter side, against noise
BLACK = 32  # darker surroundings do not increase the contrast
# A sheet of paper that lies on a darker desk:
SMALL_SIDE = 200  # pixels; larger images are reduced before the paper is looked for
DARK_AND_LIGHT = 5, 95  # percentiles of the gray levels
DESK = 0.15  # least fraction of the image's edge that shows the desk
AREA = 0.2  # least fraction of the image that is paper
WRITTEN = 0.002, 0.4  # least and greatest fraction of the paper that is ink
RECTANGULAR = 0.85  # least fraction of the smallest rectangle around the paper; an ellipse: 0.79
ANGLES = np.radians(np.arange(0, 90, 3))
MARGIN = 2  # pixels of the reduced image at the edge of the paper: its shadow, and blur


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


def convert(content: bytes, name: str, shape: tuple[int, int], conversion: Conversion) -> Picture:
    """Convert an image file to the size of a model's input.

    The median of the pixels at the edge is the color of the background. If the image is centered
    like MNIST, it has light ink on black; a desk around the paper, shadows and dust are removed.
    Any other image keeps its gray levels and its proportions: it is scaled, and what remains on two
    sides is filled with the color of the background. An image that already has the right size is
    used unchanged, apart from inverting it.

    Args:
        content: of an image file; see ``decode``.
        name: for messages.
        shape: height and width of the model's input.
        conversion: whether to ``center_like_mnist``, and otherwise whether dark images on a light
            background become ``light_on_dark``; and the ``bits`` of images of 16 bits.

    Raises:
        PictureError: the file cannot be decoded or is too large; or there is no ink to center.
    """
    center = conversion["center_like_mnist"]
    # Twice the side, so that a reduced image never has the right size by chance.
    side, bits = max(WORKING_SIDE, 2 * max(shape)), conversion.get("bits", 16)
    gray, size = decode(content, name, side, bool(center), bits)
    if center and gray.shape != shape:
        contrast, is_dark = _find_ink(_without_desk(gray))
        note = f"{COLORS[is_dark]}, {size}: scaled and centered like MNIST"
        return Picture(_centered(contrast, name, shape), note)
    paper, is_dark = _background(gray)
    is_inverted, note = False, size
    if center or conversion["light_on_dark"]:
        is_inverted, note = is_dark, f"{COLORS[is_dark]}, {size}"
    if gray.shape == shape:
        return Picture(255 - gray if is_inverted else gray, f"{note}: not scaled")
    scaled = fit(gray, shape)
    top, left = ((full - part) // 2 for full, part in zip(shape, scaled.shape, strict=True))
    image = _pasted(scaled, shape, top, left, paper)
    return Picture(255 - image if is_inverted else image, f"{note}: scaled to fit")


def center_like_mnist(ink: np.ndarray, shape: tuple[int, int] = (SIDE, SIDE)) -> np.ndarray:
    """Crop to the ink, fit into 20×20, and center by mass in 28×28; other shapes in proportion.

    So did MNIST's authors: http://yann.lecun.com/exdb/mnist/. The shift is in whole pixels, so the
    center is exact to half a pixel. Where it would push ink over the edge, the digit stays inside.

    Args:
        ink: ``uint8 [h, w]`` of any size, 0 where there is no ink, up to 255.
        shape: height H and width W of the result.

    Returns:
        ``uint8 [H, W]``, light on dark; all zero if there is no ink, or too little to be visible.
    """
    if not ink.any():
        return np.zeros(shape, np.uint8)
    box = tuple(max(1, round(side * BOX / SIDE)) for side in shape)
    digit = fit(ink[ndimage.find_objects((ink > 0).astype(np.uint8))[0]], box)
    if not digit.any():  # there is no center of mass
        return np.zeros(shape, np.uint8)
    # Indices count from a pixel's middle, hence (side - 1) / 2 for the middle of the field.
    middle = zip(shape, ndimage.center_of_mass(digit), digit.shape, strict=True)
    top, left = (
        int(np.clip(round((side - 1) / 2 - mass), 0, side - size)) for side, mass, size in middle
    )
    return _pasted(digit, shape, top, left)


def fit(image: np.ndarray, box: tuple[int, ...]) -> np.ndarray:
    """Scale ``uint8 [h, w]`` to the largest size in a box that keeps its proportions.

    Args:
        box: height and width; each side of the result is at least 1, however thin the image is.
    """
    scale = min(most / size for most, size in zip(box, image.shape, strict=True))
    height, width = (max(1, round(size * scale)) for size in image.shape)
    # Pillow widens the filter when it shrinks an image: this is the anti-aliasing.
    return np.asarray(Image.fromarray(image).resize((width, height), Image.Resampling.BICUBIC))


def _pasted(
    part: np.ndarray, shape: tuple[int, int], top: int, left: int, paper: int = 0
) -> np.ndarray:
    """Put ``[h, w]`` into ``[H, W]`` of one gray level."""
    image = np.full(shape, paper, np.uint8)
    image[top : top + part.shape[0], left : left + part.shape[1]] = part
    return image


def _centered(contrast: np.ndarray, name: str, shape: tuple[int, int]) -> np.ndarray:
    """Center ``float [h, w]``, which is positive where there is ink."""
    if contrast.max() < MIN_CONTRAST:
        raise PictureError(name, "is empty: all pixels have nearly the same brightness")
    ink = np.clip((contrast / contrast.max() - PAPER) / (INK - PAPER), 0, 1)
    image = center_like_mnist((255 * _without_specks(ink)).astype(np.uint8), shape)
    if not image.any():
        raise PictureError(name, "is empty: it shows only dust")
    # A thin stroke becomes faint when a large image is reduced; the strokes of MNIST are not faint.
    return (image * (255 / image.max())).astype(np.uint8)


def _without_specks(ink: np.ndarray) -> np.ndarray:
    strokes, count = ndimage.label(ink > 0, structure=np.ones((3, 3)))
    areas = ndimage.sum_labels(ink, strokes, range(1, count + 1))
    small = np.flatnonzero(areas < SPECK * areas.max()) + 1
    return np.where(np.isin(strokes, small), 0, ink)


def _find_ink(gray: np.ndarray) -> tuple[np.ndarray, bool]:
    """Return the contrast of each pixel to the background.

    The background has the median gray level of the edge of the image. If the edge has different
    gray levels, as in a shadow, the background of each pixel is estimated from its surroundings:
    it is what remains without light or dark lines.

    Args:
        gray: ``uint8 [h, w]``.

    Returns:
        ``float32 [h, w]``, positive where there is ink, in gray levels, and whether the ink is
        darker than the background.
    """
    levels = gray.astype(np.float32)
    paper, is_dark = _background(gray)
    ink = paper - levels if is_dark else levels - paper
    if (np.abs(_edge(ink)) > DIFFERENT * ink.max()).mean() <= UNEVEN:
        return ink, is_dark
    return _local_ink(levels, is_dark), is_dark


def _background(gray: np.ndarray) -> tuple[int, bool]:
    """Return the gray level of the background of ``uint8 [h, w]``, and whether ink is darker."""
    paper = int(np.median(_edge(gray)))
    return paper, paper - int(gray.min()) > int(gray.max()) - paper


def _without_desk(gray: np.ndarray) -> np.ndarray:
    """Replace what is outside of the paper by the median of the paper.

    A bright area is paper if it is large and rectangular, and has holes: the ink. If there is no
    such area or no darker desk around it, the image remains unchanged.

    Args:
        gray: ``uint8 [h, w]``.
    """
    small = Image.fromarray(gray)
    small.thumbnail((SMALL_SIDE, SMALL_SIDE))
    levels = ndimage.gaussian_filter(np.asarray(small).astype(np.float32), 1)
    light = levels > np.percentile(levels, DARK_AND_LIGHT).mean()
    areas, count = ndimage.label(light)
    if not count or (~_edge(light)).mean() < DESK:
        return gray
    largest = areas == 1 + np.argmax(ndimage.sum_labels(light, areas, range(1, count + 1)))
    paper = ndimage.binary_fill_holes(largest)
    ink = 1 - largest.sum() / paper.sum()
    if paper.mean() < AREA or not WRITTEN[0] <= ink <= WRITTEN[1] or not _is_rectangle(paper):
        return gray
    inside = ndimage.binary_erosion(paper, iterations=MARGIN, border_value=1)
    mask = np.asarray(Image.fromarray(inside).resize(gray.shape[::-1]))
    return np.where(mask, gray, np.median(gray[mask]).astype(np.uint8))


def _edge(image: np.ndarray) -> np.ndarray:
    """The pixels at the four sides of ``[h, w]``."""
    return np.concatenate([image[0], image[-1], image[:, 0], image[:, -1]])


def _local_ink(levels: np.ndarray, is_dark: bool) -> np.ndarray:
    side = min(levels.shape)
    smooth = ndimage.gaussian_filter(levels, BLUR * side)
    width = max(3, round(WIDEST * side))
    without_lines = ndimage.grey_closing if is_dark else ndimage.grey_opening
    surroundings = without_lines(smooth, (width, width), mode="nearest")
    # A shadow reduces the contrast by the same factor as the brightness.
    ink = 255 * np.abs(smooth - surroundings) / np.maximum(surroundings, BLACK)
    # What touches the edge, such as the corner of a shadow, is no ink if it is not the largest.
    areas, count = ndimage.label(ink > DIFFERENT * ink.max())
    sizes = np.bincount(areas.ravel(), minlength=count + 1)
    at_edge = set(_edge(areas)) - {0, 1 + int(np.argmax(sizes[1:]))} if count else set()
    return np.where(np.isin(areas, list(at_edge)), 0, ink)


def _is_rectangle(area: np.ndarray) -> bool:
    """Whether ``bool [h, w]`` fills most of a rectangle, which can be turned."""
    down, right = np.nonzero(area)
    across = np.outer(np.cos(ANGLES), right) + np.outer(np.sin(ANGLES), down)
    along = np.outer(np.cos(ANGLES), down) - np.outer(np.sin(ANGLES), right)
    smallest = ((np.ptp(across, axis=1) + 1) * (np.ptp(along, axis=1) + 1)).min()
    return bool(area.sum() >= RECTANGULAR * smallest)
