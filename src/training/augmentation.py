"""Random changes of the training images in each step: shift, rotation, scale, shear, elastic.

Each pixel of a changed image is read from one place in the original, by bilinear interpolation;
places outside are black. The places of an affine map and of an elastic deformation are added, so
all changes together cost one interpolation.
"""

from math import radians

import numpy as np

from src.common.tensorflow import tf
from src.config.blocks import Augmentation
from src.training.forward import GENERATOR

# The elastic deformation of Simard, Steinkraus and Platt (ICDAR 2003) is white noise, smoothed by a
# Gaussian whose standard deviation is 4 of 28 pixels. Noise on a grid of this distance, smoothed in
# the same way, needs a sixteenth of the random numbers and looks the same.
SMOOTHNESS = 1 / 7  # of the side of an image
AFFINE = 6  # random numbers for each image


class Augmenter:
    """Changes batches of images ``[batch, height, width]``; compiled by XLA.

    The numbers for a complete batch are drawn at once, and then divided among the replicas.
    """

    def __init__(self, settings: Augmentation, height: int, width: int) -> None:
        self._settings, self._size = settings, (height, width)
        self._bases = _smooth_basis(height), _smooth_basis(width)

    @tf.function(jit_compile=True)
    def draw(self, batch: int, seed: tf.Tensor) -> tf.Tensor:
        """Draw ``float32 [batch, numbers]``, uniform from -1 to 1; ``seed`` is ``int32 [2]``."""
        rows, columns = (basis.shape[1] for basis in self._bases)
        numbers = AFFINE + (2 * rows * columns if self._settings.elastic else 0)
        return tf.random.stateless_uniform((batch, numbers), seed, -1.0, 1.0, alg=GENERATOR)

    @tf.function(jit_compile=True)
    def apply(self, images: tf.Tensor, numbers: tf.Tensor) -> tf.Tensor:
        """Return ``float32 [N, H, W]``, from 0 to 255.

        Args:
            images: ``uint8 [N, H, W]``.
            numbers: ``float32 [N, …]``, the result of ``draw``.
        """
        y, x = self._affine(numbers[:, :AFFINE])
        if self._settings.elastic:
            moved = self._elastic(numbers[:, AFFINE:])
            y, x = y + moved[:, 0], x + moved[:, 1]
        return _interpolate(tf.cast(images, tf.float32), y, x)

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
