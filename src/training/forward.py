"""The forward pass of a training step, and its gradient.

TensorFlow's kernels compute the products: convolutions, dense layers and pooling. XLA compiles all
layers between two of them to one pass over the values, also if the rest of the step is a graph.
"""

from collections.abc import Callable
from itertools import groupby, islice

from src.common.tensorflow import keras, tf
from src.training.normalization import Moments, Normalization
from src.training.random import GENERATOR

layers = keras.layers
KERNELS = (
    layers.Dense,
    layers.Conv2D,
    layers.MaxPooling2D,
    layers.AveragePooling2D,
    layers.GlobalAveragePooling2D,
)


class Forward:
    """Computes logits with the layers of a network, which form a chain.

    The masks of all dropout layers are drawn at once.
    """

    def __init__(self, network: keras.Model) -> None:
        chain = groupby(network.layers[1:], _kind)
        self._parts = [part for kind, group in chain for part in _parts(kind, list(group))]
        self._dropouts = [each for each in network.layers if _is_dropout(each)]
        self._draw = tf.function(self._draw_masks, jit_compile=True)

    def draw_masks(self, batch: int, seed: tf.Tensor) -> list[tf.Tensor]:
        """Draw which units are kept: ``bool [batch, …]`` for each dropout layer.

        Args:
            seed: ``int32 [2]``, different for each step.
        """
        return self._draw(batch, seed) if self._dropouts else []

    def _draw_masks(self, batch: int, seed: tf.Tensor) -> list[tf.Tensor]:
        seeds = tf.unstack(tf.random.split(seed, len(self._dropouts), GENERATOR))
        masks = []
        for layer, own_seed in zip(self._dropouts, seeds, strict=True):
            shape = batch, *layer.output.shape[1:]
            bits = tf.random.stateless_uniform(
                shape, own_seed, None, None, tf.uint32, alg=GENERATOR
            )
            masks.append(bits >= tf.constant(int(layer.rate * 2**32), tf.uint32))
        return masks

    def logits(self, images: tf.Tensor, masks: list[tf.Tensor]) -> tuple[tf.Tensor, list[Moments]]:
        """Return the logits ``float32 [N, K]`` of images ``[N, H, W]``.

        Also return the moments of the batch for each layer with batch normalization.
        """
        x, remaining, moments = images, iter(masks), []
        for part in self._parts:
            if isinstance(part, Elementwise):
                x = part(x, list(islice(remaining, part.dropouts)))
            elif isinstance(part, Normalization):
                x, own = part(x)
                moments.append(own)
            else:
                x = part(x)
        return x, moments


def _kind(layer: keras.layers.Layer) -> type:
    if isinstance(layer, layers.BatchNormalization):
        return Normalization
    return layers.Layer if isinstance(layer, KERNELS) else Elementwise


def _parts(kind: type, group: list[keras.layers.Layer]) -> list:
    """The parts that compute consecutive layers of the same kind."""
    if kind is Elementwise:
        return [Elementwise(group)]
    return [Normalization(each) for each in group] if kind is Normalization else group


class Elementwise:
    """Layers that compute each value from one value, compiled by XLA.

    Attributes:
        dropouts: how many of the layers are dropout.
    """

    def __init__(self, layers: list[keras.layers.Layer]) -> None:
        self._layers, self.dropouts = layers, sum(map(_is_dropout, layers))
        self._forward = tf.function(self._values, jit_compile=True)
        self._backward = tf.function(self._gradient, jit_compile=True)

    def __call__(self, x: tf.Tensor, masks: list[tf.Tensor]) -> tf.Tensor:
        """Return the values of the last layer; ``masks`` are those of the dropout layers."""

        # Without this, TensorFlow would store what each layer needs for its gradient. XLA computes
        # it again in the pass that computes the gradient.
        @tf.custom_gradient
        def compiled(x: tf.Tensor) -> tuple[tf.Tensor, Callable[[tf.Tensor], tf.Tensor | None]]:
            return self._forward(x, masks), lambda gradient: self._backward(x, masks, gradient)

        return compiled(x)

    def _values(self, x: tf.Tensor, masks: list[tf.Tensor]) -> tf.Tensor:
        remaining = iter(masks)
        for layer in self._layers:
            x = _drop(layer, x, next(remaining)) if _is_dropout(layer) else layer(x)
        return x

    def _gradient(
        self, x: tf.Tensor, masks: list[tf.Tensor], gradient: tf.Tensor
    ) -> tf.Tensor | None:
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = self._values(x, masks)
        return tape.gradient(y, x, gradient)


def _is_dropout(layer: keras.layers.Layer) -> bool:
    return isinstance(layer, keras.layers.Dropout)


def _drop(layer: keras.layers.Dropout, x: tf.Tensor, keep: tf.Tensor) -> tf.Tensor:
    # In bfloat16, most values of 1 / (1 - rate) have an error of up to 0.4%.
    x = tf.cast(x, tf.float32) * (1 / (1 - layer.rate))
    return tf.cast(tf.where(keep, x, 0), layer.compute_dtype)
