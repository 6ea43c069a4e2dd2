"""Finds the ink of a drawing or a photograph: on paper of any color, in a shadow, on a desk."""

import numpy as np
from scipy import ndimage

UNEVEN = 0.1  # fraction of the edge that may differ from the background
DIFFERENT = 0.25  # fraction of the maximum contrast
WIDEST = 0.18  # fraction of the shorter side: wider areas are no strokes
BLUR = 0.005  # fraction of the shorter side, against noise
BLACK = 32  # darker surroundings do not increase the contrast


def find_ink(gray: np.ndarray) -> tuple[np.ndarray, bool]:
    """The contrast of each pixel to the background.

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
    paper, is_dark = background(gray)
    ink = paper - levels if is_dark else levels - paper
    if (np.abs(edge(ink)) > DIFFERENT * ink.max()).mean() <= UNEVEN:
        return ink, is_dark
    return _local_ink(levels, is_dark), is_dark


def background(gray: np.ndarray) -> tuple[int, bool]:
    """The gray level of the background of ``uint8 [h, w]``, and whether the ink is darker."""
    paper = int(np.median(edge(gray)))
    return paper, paper - int(gray.min()) > int(gray.max()) - paper


def edge(image: np.ndarray) -> np.ndarray:
    """The pixels at the four sides of ``[h, w]``."""
    return np.concatenate([image[0], image[-1], image[:, 0], image[:, -1]])


def _local_ink(levels: np.ndarray, is_dark: bool) -> np.ndarray:
    side = min(levels.shape)
    smooth = ndimage.gaussian_filter(levels, BLUR * side)
    width = max(3, round(WIDEST * side))
    without_lines = ndimage.grey_closing if is_dark else ndimage.grey_opening
    surroundings = without_lines(smooth, (width, width), mode="nearest")
    # A shadow reduces the contrast by the same factor as the brightness.
    return _without_edge(255 * np.abs(smooth - surroundings) / np.maximum(surroundings, BLACK))


def _without_edge(ink: np.ndarray) -> np.ndarray:
    """Remove what touches the edge, such as the corner of a shadow, if it is not the largest."""
    areas, count = ndimage.label(ink > DIFFERENT * ink.max())
    sizes = np.bincount(areas.ravel(), minlength=count + 1)
    at_edge = set(edge(areas)) - {0, 1 + int(np.argmax(sizes[1:]))} if count else set()
    return np.where(np.isin(areas, list(at_edge)), 0, ink)
