"""Finds a sheet of paper that lies on a darker desk."""

import numpy as np
from PIL import Image
from scipy import ndimage

from src.pictures.ink import edge

SIDE = 200  # pixels; larger images are reduced
DARK_AND_LIGHT = 5, 95  # percentiles of the gray levels
DESK = 0.15  # least fraction of the image's edge that shows the desk
AREA = 0.2  # least fraction of the image that is paper
WRITTEN = 0.002, 0.4  # least and greatest fraction of the paper that is ink
RECTANGULAR = 0.85  # least fraction of the smallest rectangle around the paper; an ellipse: 0.79
ANGLES = np.radians(np.arange(0, 90, 3))
MARGIN = 2  # pixels of the reduced image at the edge of the paper: its shadow, and blur


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
    if not count or (~edge(light)).mean() < DESK:
        return gray
    largest = areas == 1 + np.argmax(ndimage.sum_labels(light, areas, range(1, count + 1)))
    paper = ndimage.binary_fill_holes(largest)
    ink = 1 - largest.sum() / paper.sum()
    if paper.mean() < AREA or not WRITTEN[0] <= ink <= WRITTEN[1] or not _is_rectangle(paper):
        return gray
    inside = ndimage.binary_erosion(paper, iterations=MARGIN, border_value=1)
    mask = np.asarray(Image.fromarray(inside).resize(gray.shape[::-1]))
    level = np.median(gray[mask]).astype(np.uint8)
    return np.where(mask, gray, level)


def _is_rectangle(area: np.ndarray) -> bool:
    """Whether ``bool [h, w]`` fills most of a rectangle, which can be turned."""
    down, right = np.nonzero(area)
    across = np.outer(np.cos(ANGLES), right) + np.outer(np.sin(ANGLES), down)
    along = np.outer(np.cos(ANGLES), down) - np.outer(np.sin(ANGLES), right)
    smallest = ((np.ptp(across, axis=1) + 1) * (np.ptp(along, axis=1) + 1)).min()
    return bool(area.sum() >= RECTANGULAR * smallest)
