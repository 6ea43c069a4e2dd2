"""A fixed set of corruptions of images, each at three strengths, similar to MNIST-C.

MNIST-C is Mu and Gilmer, "MNIST-C: A robustness benchmark for computer vision", 2019.

Images are ``uint8 [N, H, W]``, light on dark, and so are the results. All lengths are in pixels of
an image whose shorter side has 28 pixels; in images of other sizes they are larger or smaller in
proportion. Where a corruption has a direction, such as left or right, each image has its own random
one, and the length or angle is exactly the strength. What comes into an image from outside is
black.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from src.data.splits import read_rows

SEED = 20190605
LEVELS = (1, 2, 3)  # the number of a strength
SIDE = 28  # pixels of the shorter side, to which lengths refer
# Pixels of images that are corrupted at the same time, with about 100 MB. With another number, more
# images than this have other results: their random numbers are drawn in another order.
CHUNK_PIXELS = 1 << 22
Transform = tuple[np.ndarray, np.ndarray]  # of an output position: matrix [2, 2] and offset [2]
Apply = Callable[[np.ndarray, float, np.random.Generator], np.ndarray]


def shift(images: np.ndarray, strength: float, rng: np.random.Generator) -> np.ndarray:
    """Move by ``strength`` pixels to the left, to the right, up or down.

    The test digits of MNIST lose less than 1% of their ink at 3 pixels, because of their margins.
    """
    length = strength * _pixel(images)
    steps = length * np.array([(0, 1), (0, -1), (1, 0), (-1, 0)])
    return _transformed(images, [(np.eye(2), step) for step in steps], rng)


def rotate(images: np.ndarray, strength: float, rng: np.random.Generator) -> np.ndarray:
    """Rotate by ``strength`` degrees about the center, clockwise or not."""
    turns = []
    for angle in np.deg2rad([strength, -strength]):
        matrix = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
        turns.append((np.array(matrix), np.zeros(2)))
    return _transformed(images, turns, rng)


def scale(images: np.ndarray, strength: float, rng: np.random.Generator) -> np.ndarray:
    """Enlarge or reduce by the factor ``strength`` about the center.

    With a factor of 1.4, a digit of MNIST, which has 20 pixels, fills the image.
    """
    factors = (strength, 1 / strength)
    return _transformed(images, [(np.eye(2) / each, np.zeros(2)) for each in factors], rng)


def shear(images: np.ndarray, strength: float, rng: np.random.Generator) -> np.ndarray:
    """Slant to the left or right: each row moves by ``strength`` pixels relative to the next."""
    slants = [np.array([[1, 0], [slope, 1]]) for slope in (strength, -strength)]
    return _transformed(images, [(slant, np.zeros(2)) for slant in slants], rng)


def blur(images: np.ndarray, strength: float, rng: np.random.Generator) -> np.ndarray:
    """Blur with a Gaussian whose standard deviation is ``strength`` pixels."""
    sigma = strength * _pixel(images)
    exact = ndimage.gaussian_filter(images.astype(np.float32), (0, sigma, sigma), mode="nearest")
    return _gray_levels(exact)


def noise(images: np.ndarray, strength: float, rng: np.random.Generator) -> np.ndarray:
    """Add Gaussian noise with a standard deviation of ``strength`` gray levels of 255."""
    added = rng.standard_normal(images.shape, np.float32)
    added *= strength
    added += images
    return _gray_levels(added)


def occlude(images: np.ndarray, strength: float, rng: np.random.Generator) -> np.ndarray:
    """Make a square of ``strength`` pixels per side black, at a random place in the image."""
    side = max(1, round(strength * _pixel(images)))
    inside = []
    for length in images.shape[1:]:
        first = rng.integers(length - side + 1, size=(len(images), 1))
        inside.append((np.arange(length) >= first) & (np.arange(length) < first + side))
    return np.where(inside[0][:, :, None] & inside[1][:, None, :], np.uint8(0), images)


def stroke_width(images: np.ndarray, strength: float, rng: np.random.Generator) -> np.ndarray:
    """Make strokes thicker or thinner: each of their edges moves by ``strength`` pixels.

    Gray-level dilation or erosion with a disc of this radius. A radius between whole numbers is
    interpolated: a part of a pixel changes the gray level of an edge by this part. Thus, a stroke
    of less than twice the strength becomes fainter when it is made thinner, but does not disappear.
    """
    radius = strength * _pixel(images)
    is_thicker, result = rng.random(len(images)) < 0.5, np.empty_like(images)
    for own, change in ((is_thicker, ndimage.grey_dilation), (~is_thicker, ndimage.grey_erosion)):
        if own.any():
            low, part = int(radius), radius % 1
            first, second = (change(images[own], footprint=_disc(each)) for each in (low, low + 1))
            result[own] = _gray_levels((1 - part) * first + part * second)
    return result


def contrast(images: np.ndarray, strength: float, rng: np.random.Generator) -> np.ndarray:
    """Multiply the distance of each pixel from the mean of its image by ``strength``."""
    means = images.mean((1, 2), keepdims=True, dtype=np.float32)
    return _gray_levels(means + np.float32(strength) * (images - means))


def invert(images: np.ndarray, strength: float, rng: np.random.Generator) -> np.ndarray:
    """Go ``strength`` of the way to the inverted image; more than half makes it dark on light."""
    return _gray_levels(images + np.float32(strength) * (255 - 2 * images.astype(np.float32)))


@dataclass(frozen=True)
class Corruption:
    """A kind of corruption."""

    apply: Apply
    unit: str  # of the strengths
    strengths: tuple[float, float, float]  # of the levels 1, 2 and 3


# The order is part of the seeds: add new ones at the end.
CORRUPTIONS = {
    "shift": Corruption(shift, "pixels", (1, 2, 3)),
    "rotate": Corruption(rotate, "degrees", (15, 30, 45)),
    "scale": Corruption(scale, "factor", (1.2, 1.3, 1.4)),
    "shear": Corruption(shear, "slope", (0.2, 0.4, 0.6)),
    "blur": Corruption(blur, "pixels", (1, 1.5, 2)),
    "noise": Corruption(noise, "gray levels", (40, 80, 120)),
    "occlusion": Corruption(occlude, "pixels", (6, 9, 12)),
    "stroke width": Corruption(stroke_width, "pixels", (0.3, 0.6, 0.9)),
    "contrast": Corruption(contrast, "factor", (0.5, 0.3, 0.1)),
    "inversion": Corruption(invert, "share", (0.25, 0.75, 1)),
}


def corrupt(images: np.ndarray, name: str, level: int) -> np.ndarray:
    """Apply one of ``CORRUPTIONS`` at the strength ``level``; the same call gives the same bytes.

    Images and result are ``uint8 [N, H, W]``; N may be 0.
    """
    chunks = list(corrupted_chunks(images, name, level))
    return np.concatenate(chunks) if chunks else np.empty_like(images)


def corrupted_chunks(images: np.ndarray, name: str, level: int) -> Iterator[np.ndarray]:
    """Yield the result of ``corrupt`` in parts, so that memory does not grow with N."""
    corruption, number = CORRUPTIONS[name], list(CORRUPTIONS).index(name)
    rng = np.random.default_rng((SEED, number, level))
    height, width = images.shape[1:]
    size = max(1, CHUNK_PIXELS // (height * width))
    for first in range(0, len(images), size):
        chunk = np.empty((min(size, len(images) - first), height, width), np.uint8)
        read_rows(images, first, chunk)
        yield corruption.apply(chunk, corruption.strengths[level - 1], rng)


def _pixel(images: np.ndarray) -> float:
    """The length to which a pixel of an image of 28 × 28 corresponds, in pixels."""
    return min(images.shape[1:]) / SIDE


def _transformed(
    images: np.ndarray, transforms: Sequence[Transform], rng: np.random.Generator
) -> np.ndarray:
    """Apply to each image one of ``transforms`` about its center, with bilinear interpolation."""
    chosen, result = rng.integers(len(transforms), size=len(images)), np.empty_like(images)
    center = (np.array(images.shape[1:]) - 1) / 2
    for number, (matrix, step) in enumerate(transforms):
        own = chosen == number
        if own.any():  # all of these images at once; the first axis stays as it is
            whole = np.eye(3)
            whole[1:, 1:] = matrix
            offset = np.array([0, *(center - matrix @ center + step)])
            result[own] = ndimage.affine_transform(
                images[own], whole, offset, order=1, mode="grid-constant"
            )
    return result


def _disc(radius: int) -> np.ndarray:
    """The pixels up to ``radius`` from the center: ``bool [1, D, D]``."""
    squares = np.arange(-radius, radius + 1) ** 2
    return (squares[:, None] + squares <= radius**2)[None]


def _gray_levels(exact: np.ndarray) -> np.ndarray:
    """Round to ``uint8``, within its limits."""
    return np.rint(exact).clip(0, 255).astype(np.uint8)
