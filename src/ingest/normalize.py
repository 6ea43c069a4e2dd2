"""Scales images, and centers a digit in its image as MNIST's authors did."""

import numpy as np
from PIL import Image
from scipy import ndimage

SIDE = 28
BOX = 20


def frame(ink: np.ndarray, shape: tuple[int, int] = (SIDE, SIDE)) -> np.ndarray:
    """Crop to the ink, fit into 20×20, and centre by mass in 28×28; other shapes in proportion.

    "The original black and white (bilevel) images from NIST were size normalized to fit in a
    20x20 pixel box while preserving their aspect ratio. The resulting images contain grey levels
    as a result of the anti-aliasing technique used by the normalization algorithm. The images
    were centered in a 28x28 image by computing the center of mass of the pixels, and translating
    the image so as to position this point at the center of the 28x28 field."
    (Y. LeCun, C. Cortes, C. Burges: The MNIST database of handwritten digits,
    http://yann.lecun.com/exdb/mnist/)

    Where centring by mass would push ink over the edge, the digit stays inside: MNIST's shift
    is in whole pixels too, so that the centre is exact to half a pixel.

    Args:
        ink: ``uint8 [h, w]`` of any size, 0 where there is no ink, up to 255.
        shape: height H and width W of the result.

    Returns:
        ``uint8 [H, W]``, light on dark; all zero if there is no ink, or too little to be visible.

    Raises:
        ValueError: another dtype or number of dimensions.
    """
    if ink.dtype != np.uint8 or ink.ndim != 2:
        raise ValueError(f"expected an image uint8 [H, W], not {ink.dtype} {ink.shape}")
    if not ink.any():
        return np.zeros(shape, np.uint8)
    box = tuple(max(1, round(side * BOX / SIDE)) for side in shape)
    return _centred(fit(ink[ndimage.find_objects((ink > 0).astype(np.uint8))[0]], box), shape)


def _centred(digit: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Put ``[h, w]`` into ``[H, W]`` so that its centre of mass is near the middle."""
    framed = np.zeros(shape, np.uint8)
    if not digit.any():  # there is no centre of mass
        return framed
    # Indices count from a pixel's middle, hence (side - 1) / 2 for the middle of the field.
    top, left = (
        int(np.clip(round((side - 1) / 2 - centre), 0, side - size))
        for side, centre, size in zip(
            shape, ndimage.center_of_mass(digit), digit.shape, strict=True
        )
    )
    framed[top : top + digit.shape[0], left : left + digit.shape[1]] = digit
    return framed


def fit(image: np.ndarray, box: tuple[int, ...]) -> np.ndarray:
    """Scale ``uint8 [h, w]`` to the largest size in a box that keeps its proportions.

    Args:
        box: height and width; each side of the result is at least 1, however thin the image is.
    """
    scale = min(most / size for most, size in zip(box, image.shape, strict=True))
    height, width = (max(1, round(size * scale)) for size in image.shape)
    # Pillow widens the filter when it shrinks an image: this is the anti-aliasing.
    return np.asarray(Image.fromarray(image).resize((width, height), Image.Resampling.BICUBIC))
