"""Finds the ink of a drawing or a photograph: on paper of any color, in a shadow, on a desk."""

import numpy as np
from PIL import Image
from scipy import ndimage

UNEVEN = 0.1  # fraction of the edge that may differ from the background
DIFFERENT = 0.25  # fraction of the maximum contrast
WIDEST = 0.18  # fraction of the shorter side: wider areas are no strokes
BLUR = 0.005  # fraction of the shorter side, against noise
BLACK = 32  # darker surroundings do not increase the contrast
# A sheet of paper that lies on a darker desk:
SIDE = 200  # pixels; larger images are reduced before the paper is looked for
DARK_AND_LIGHT = 5, 95  # percentiles of the gray levels
DESK = 0.15  # least fraction of the image's edge that shows the desk
AREA = 0.2  # least fraction of the image that is paper
WRITTEN = 0.002, 0.4  # least and greatest fraction of the paper that is ink
RECTANGULAR = 0.85  # least fraction of the smallest rectangle around the paper; an ellipse: 0.79
ANGLES = np.radians(np.arange(0, 90, 3))
MARGIN = 2  # pixels of the reduced image at the edge of the paper: its shadow, and blur


def find_ink(gray: np.ndarray) -> tuple[np.ndarray, bool]:
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
    paper, is_dark = background(gray)
    ink = paper - levels if is_dark else levels - paper
    if (np.abs(_edge(ink)) > DIFFERENT * ink.max()).mean() <= UNEVEN:
        return ink, is_dark
    return _local_ink(levels, is_dark), is_dark


def background(gray: np.ndarray) -> tuple[int, bool]:
    """Return the gray level of the background of ``uint8 [h, w]``, and whether ink is darker."""
    paper = int(np.median(_edge(gray)))
    return paper, paper - int(gray.min()) > int(gray.max()) - paper


def without_desk(gray: np.ndarray) -> np.ndarray:
    """Replace what is outside of the paper by the median of the paper.

    A bright area is paper if it is large and rectangular, and has holes: the ink. If there is no
    such area or no darker desk around it, the image remains unchanged.

    Args:
        gray: ``uint8 [h, w]``.
    """
    small = Image.fromarray(gray)
    small.thumbnail((SIDE, SIDE))
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
