"""The forward pass of a training step, and its gradient.

TensorFlow's kernels compute convolutions, dense layers, pooling and batch normalization. XLA
compiles all layers between two of them to one pass over the values, also if the rest of the step is
a graph.
"""

from collections.abc import Callable
from itertools import groupby, islice

from src.common.tensorflow import graph, keras, tf

# XLA compiles this generator of random numbers to vector instructions. It takes a quarter of the
# time of the kernel that draws the numbers of Keras' dropout layer on a CPU.
GENERATOR = "threefry"
Moments = tuple[tf.Tensor, tf.Tensor]  # mean and variance of each channel: float32 [C]
layers = keras.layers
KERNELS = (
    layers.Dense,
    layers.Conv2D,
    layers.MaxPooling2D,
    layers.AveragePooling2D,
    layers.GlobalAveragePooling2D,
    layers.BatchNormalization,
)


class Forward:
    """Computes logits with the layers of a network, which form a chain.

    The masks of all dropout layers are drawn at once.
    """

    def __init__(self, network: keras.Model) -> None:
        self._parts: list[Callable] = []
        for has_kernel, group in groupby(network.layers[1:], _has_kernel):  # without the input
            if has_kernel:
                self._parts += [Normalization(x) if _is_normalization(x) else x for x in group]
            else:
                self._parts.append(Elementwise(list(group)))
        self._dropouts = [layer for layer in network.layers if _is_dropout(layer)]

    def draw_masks(self, batch: int, seed: tf.Tensor) -> list[tf.Tensor]:
        """Draw which units are kept: ``bool [batch, …]`` for each dropout layer.

        Args:
            seed: ``int32 [2]``, different for each step.
        """
        return self._draw(batch, seed) if self._dropouts else []

    @graph(jit_compile=True)
    def _draw(self, batch: int, seed: tf.Tensor) -> list[tf.Tensor]:
        seeds = tf.unstack(tf.random.split(seed, len(self._dropouts), GENERATOR))
        masks = []
        for layer, key in zip(self._dropouts, seeds, strict=True):
            shape = batch, *layer.output.shape[1:]
            bits = tf.random.stateless_uniform(shape, key, None, None, tf.uint32, alg=GENERATOR)
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
                x, of_batch = part(x)
                moments.append(of_batch)
            else:
                x = part(x)
        return x, moments


def _has_kernel(layer: keras.layers.Layer) -> bool:
    return isinstance(layer, KERNELS)


def _is_normalization(layer: keras.layers.Layer) -> bool:
    return isinstance(layer, layers.BatchNormalization)


class Elementwise:
    """Layers without weights that compute each value from one value, compiled by XLA.

    Attributes:
        dropouts: how many of the layers are dropout.
    """

    def __init__(self, layers: list[keras.layers.Layer]) -> None:
        self._layers, self.dropouts = layers, sum(map(_is_dropout, layers))
        self._forward = graph(self._values, jit_compile=True)
        self._backward = graph(self._gradient, jit_compile=True)

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


class Normalization:
    """Batch normalization (Ioffe and Szegedy, 2015; arXiv 1502.03167) of a batch.

    TensorFlow's kernel needs a quarter of the time of Keras' layer. With several replicas, the
    moments are those of the complete batch.
    """

    def __init__(self, layer: keras.layers.BatchNormalization) -> None:
        self._layer = layer

    def __call__(self, x: tf.Tensor) -> tuple[tf.Tensor, Moments]:
        """Normalize ``[N, H, W, C]`` or ``[N, C]``; also return the moments of the batch."""
        rows = x if len(x.shape) == 4 else x[:, None, None]
        replicas = tf.distribute.get_replica_context().num_replicas_in_sync
        y, *moments = self._one_replica(rows) if replicas == 1 else self._all_replicas(rows)
        return tf.reshape(y, tf.shape(x)), (moments[0], moments[1])

    def _one_replica(self, x: tf.Tensor) -> tuple[tf.Tensor, ...]:
        layer, empty = self._layer, tf.constant([], tf.float32)
        inputs = {"x": x, "scale": layer.gamma, "offset": layer.beta}
        inputs |= {"mean": empty, "variance": empty}  # those of the batch are computed
        return tf.raw_ops.FusedBatchNormV3(**inputs, epsilon=layer.epsilon)[:3]

    def _all_replicas(self, x: tf.Tensor) -> tuple[tf.Tensor, ...]:
        layer, values = self._layer, tf.cast(x, tf.float32)
        context, channels = tf.distribute.get_replica_context(), values.shape[-1]
        count = tf.size(values, tf.float32) / channels

        def over_batch(values: tf.Tensor) -> tf.Tensor:
            return context.all_reduce(tf.distribute.ReduceOp.SUM, values)

        count = over_batch(count)
        # The mean of the squares minus the square of the mean would lose digits.
        mean = over_batch(tf.reduce_sum(values, (0, 1, 2))) / count
        centered = values - mean
        variance = over_batch(tf.reduce_sum(centered**2, (0, 1, 2))) / count
        y = centered * (layer.gamma * tf.math.rsqrt(variance + layer.epsilon)) + layer.beta
        return tf.cast(y, x.dtype), mean, variance * count / (count - 1)  # as the kernel returns it


def update_moving_moments(network: keras.Model, moments: list[Moments]) -> None:
    """Update the moving averages, with which the network predicts after the training."""
    normalizations = [layer for layer in network.layers if _is_normalization(layer)]
    for layer, (mean, variance) in zip(normalizations, moments, strict=True):
        for moving, value in ((layer.moving_mean, mean), (layer.moving_variance, variance)):
            moving.assign(layer.momentum * moving + (1 - layer.momentum) * value)
