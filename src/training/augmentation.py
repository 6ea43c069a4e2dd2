"""Random changes of the training images in each step: of their geometry, and of their gray levels.

Geometry: each pixel of a changed image is read from one place in the original, by bilinear
interpolation; places outside are black. The places of an affine map and of an elastic deformation
are added, so all changes together cost one interpolation.

Gray levels: stroke width, occlusion, blur, contrast, background and noise, in this order. Each
of them changes ``CHANGED`` of the images, because a digit with all of them could not be read.
"""

from math import radians

import numpy as np

from src.common.tensorflow import graph, tf
from src.config.blocks import Augmentation
from src.training.forward import GENERATOR

# The elastic deformation of Simard, Steinkraus and Platt (ICDAR 2003) is white noise in each pixel,
# smoothed by a Gaussian whose standard deviation is 4 of 28 pixels. Noise in every fourth row and
# column only, smoothed in the same way, looks the same and needs a sixteenth of the random numbers.
SMOOTHNESS = 1 / 7  # of the side of an image
LEVELS = ("stroke_width", "occlusion", "blur", "contrast", "background", "noise")
# Random numbers for each image. Those of the gray levels: the place of the square, and whether and
# how much each of them changes the image; without those of the pixels' noise.
AFFINE, GRAY_LEVELS = 6, 2 + len(LEVELS)
CHANGED = 0.25  # fraction of the images

# Larger than the differences between the training images and converted pictures of users.
CORRUPTION = Augmentation(
    shift=1.0,
    rotation=15.0,
    scale=0.15,
    shear=0.2,
    stroke_width=0.6,
    occlusion=5.0,
    blur=1.0,
    contrast=0.5,
    background=0.25,
    noise=40.0,
)
CHUNK_PIXELS = 2_000_000  # of the images that are corrupted at the same time, with about 100 MB


class Augmenter:
    """Changes batches of images.

    ``change(images, numbers)`` returns ``float32 [N, H, W]``, from 0 to 255, of ``uint8 [N, H, W]``
    and ``float32 [N, numbers]``; ``apply`` is the same, compiled. The numbers for a complete batch
    are drawn at once, and then divided among the replicas.
    """

    def __init__(self, settings: Augmentation, height: int, width: int) -> None:
        self.apply = graph(self.change, jit_compile=True)
        self._settings, self._size = settings, (height, width)
        self._bases = _smooth_basis(height), _smooth_basis(width)
        rows, columns = (basis.shape[1] for basis in self._bases)
        elastic = 2 * rows * columns if settings.elastic else 0
        levels = GRAY_LEVELS if any(getattr(settings, name) for name in LEVELS) else 0
        self._numbers = AFFINE, elastic, levels, height * width if settings.noise else 0
        self.numbers = sum(self._numbers)

    @graph(jit_compile=True)
    def draw(self, batch: int, seed: tf.Tensor) -> tf.Tensor:
        """Draw ``float32 [batch, numbers]``, uniform from -1 to 1; ``seed`` is ``int32 [2]``."""
        return tf.random.stateless_uniform((batch, self.numbers), seed, -1.0, 1.0, alg=GENERATOR)

    def change(self, images: tf.Tensor, numbers: tf.Tensor) -> tf.Tensor:
        affine, elastic, levels, noise = tf.split(numbers, self._numbers, axis=1)
        y, x = self._affine(affine)
        if self._settings.elastic:
            moved = self._elastic(elastic)
            y, x = y + moved[:, 0], x + moved[:, 1]
        changed = _interpolate(tf.cast(images, tf.float32), y, x)
        return self._change_levels(changed, levels, noise) if self._numbers[2] else changed

    def _affine(self, numbers: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """The row and the column ``float32 [N, H, W]`` in the original, for each pixel."""
        largest, (height, width) = self._settings, self._size
        center = (height - 1) / 2, (width - 1) / 2
        rows = tf.range(height, dtype=tf.float32)[:, None] - center[0]
        columns = tf.range(width, dtype=tf.float32)[None] - center[1]
        down, across, angle, scale_y, scale_x, shear = (
            amount[:, None, None] for amount in tf.unstack(numbers, axis=1)
        )
        angle = radians(largest.rotation) * angle
        sine, cosine = tf.math.sin(angle), tf.math.cos(angle)
        y = (cosine * rows - sine * columns) * (1 + largest.scale * scale_y)
        x = (sine * rows + cosine * columns) * (1 + largest.scale * scale_x)
        x += largest.shear * shear * y
        return y + center[0] + largest.shift * down, x + center[1] + largest.shift * across

    def _elastic(self, numbers: tf.Tensor) -> tf.Tensor:
        """The distances ``float32 [N, 2, H, W]``, down and across, by which pixels are moved."""
        rows, columns = (tf.constant(basis) for basis in self._bases)
        noise = tf.reshape(numbers, [-1, 2, rows.shape[1], columns.shape[1]])
        noise *= self._settings.elastic * 3**0.5  # the standard deviation of the numbers is 1 / √3
        return tf.einsum("hi,ndij,wj->ndhw", rows, noise, columns)

    def _change_levels(self, images: tf.Tensor, numbers: tf.Tensor, noise: tf.Tensor) -> tf.Tensor:
        """Change the gray levels of images ``float32 [N, H, W]``; the result has 0 to 255."""
        largest, (height, width) = self._settings, self._size
        top, left, *chosen = (each[:, None, None] for each in tf.unstack(numbers, axis=1))
        # How much each is applied: 0 for most images, otherwise 0 to 1. A sign: wider or thinner.
        wider, side, blur, contrast, background, noisy = (
            tf.maximum(tf.abs(each) - (1 - CHANGED), 0) / CHANGED for each in chosen
        )
        if largest.stroke_width:
            images += largest.stroke_width * wider * _wider_by_one(images, chosen[0] > 0)
        if largest.occlusion:
            side *= largest.occlusion
            down = tf.range(height, dtype=tf.float32)[:, None] - (1 + top) / 2 * (height - side)
            across = tf.range(width, dtype=tf.float32) - (1 + left) / 2 * (width - side)
            hidden = (down >= 0) & (down < side) & (across >= 0) & (across < side)
            images = tf.where(hidden, 0.0, images)
        if largest.blur:
            across, down = (_blur_matrix(length, largest.blur * blur) for length in (width, height))
            images = down @ images @ tf.transpose(across, [0, 2, 1])
        mean = tf.reduce_mean(images, axis=(1, 2), keepdims=True)
        images = mean + (1 - largest.contrast * contrast) * (images - mean)
        images += largest.background * background * (255 - 2 * images)
        if largest.noise:  # uniform; the standard deviation of the numbers is 1 / √3
            noise = tf.reshape(noise, [-1, height, width])
            images += largest.noise * noisy * 3**0.5 * noise
        return tf.clip_by_value(images, 0.0, 255.0)


def corrupted(images: np.ndarray) -> np.ndarray:
    """Images ``uint8 [N, H, W]``, changed by ``CORRUPTION``, always in the same way."""
    result = np.array(images)
    count, height, width = result.shape
    augmenter = Augmenter(CORRUPTION, height, width)
    size, random = max(1, CHUNK_PIXELS // (height * width)), np.random.default_rng(0)
    for first in range(0, count, size):
        chunk = result[first : first + size]
        numbers = random.uniform(-1, 1, (len(chunk), augmenter.numbers))
        # Once for each training: to compile it, or to make it a graph, would take longer.
        chunk[:] = np.rint(augmenter.change(chunk, numbers.astype(np.float32)))
    return result


def _wider_by_one(images: tf.Tensor, is_wider: tf.Tensor) -> tf.Tensor:
    """What changes when the edges of strokes move by a pixel, outwards or inwards."""
    height, width = images.shape[1:]
    padded = tf.pad(images, [[0, 0], [1, 1], [1, 1]])
    places = (0, 1), (1, 0), (1, 2), (2, 1)
    near = [padded[:, top : top + height, left : left + width] for top, left in places]
    most, least = tf.reduce_max([images, *near], axis=0), tf.reduce_min([images, *near], axis=0)
    return tf.where(is_wider, most, least) - images


def _blur_matrix(side: int, sigma: tf.Tensor) -> tf.Tensor:
    """Gaussian filters ``float32 [N, side, side]`` for ``sigma``, ``float32 [N, 1, 1]``."""
    places = tf.range(side, dtype=tf.float32)
    distances = (places[:, None] - places) ** 2
    weights = tf.exp(-distances / (2 * tf.maximum(sigma, 0.1) ** 2))
    return weights / tf.reduce_sum(weights, axis=2, keepdims=True)


def _smooth_basis(side: int) -> np.ndarray:
    """A matrix ``float32 [side, points]`` that smooths numbers on a grid of points.

    Independent numbers of variance 1 become values of variance 1.
    """
    distance = side * SMOOTHNESS
    points = np.arange(-2, round(1 / SMOOTHNESS) + 3) * distance
    weights = np.exp(-((np.arange(side)[:, None] - points) ** 2) / (2 * distance**2))
    return (weights / np.linalg.norm(weights, axis=1, keepdims=True)).astype(np.float32)


def _interpolate(images: tf.Tensor, y: tf.Tensor, x: tf.Tensor) -> tf.Tensor:
    """The values of images ``float32 [N, H, W]`` at the rows ``y`` and the columns ``x``."""
    height, width = images.shape[1:]
    y, x = tf.clip_by_value(y, -1.0, float(height)), tf.clip_by_value(x, -1.0, float(width))
    top, left = tf.floor(y), tf.floor(x)
    down, across = y - top, x - left
    padded = tf.pad(images, [[0, 0], [1, 2], [1, 2]])  # so that each place has four neighbors
    pixels = tf.reshape(padded, [-1, (height + 3) * (width + 3)])
    first = (tf.cast(top, tf.int32) + 1) * (width + 3) + tf.cast(left, tf.int32) + 1

    def neighbor(offset: int) -> tf.Tensor:
        return tf.gather(pixels, first + offset, batch_dims=1)

    upper = (1 - across) * neighbor(0) + across * neighbor(1)
    lower = (1 - across) * neighbor(width + 3) + across * neighbor(width + 4)
    return (1 - down) * upper + down * lower
