"""Batch normalization in a training step (Ioffe and Szegedy, 2015; arXiv 1502.03167)."""

from src.common.tensorflow import keras, tf

Moments = tuple[tf.Tensor, tf.Tensor]  # mean and variance of each channel: float32 [C]


class Normalization:
    """Computes a layer of Keras with TensorFlow's kernel, in a quarter of the layer's time.

    With several replicas, the moments are those of the complete batch.
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
        empty = tf.constant([], tf.float32)
        return tf.raw_ops.FusedBatchNormV3(
            x=x,
            scale=self._layer.gamma,
            offset=self._layer.beta,
            mean=empty,
            variance=empty,
            epsilon=self._layer.epsilon,
        )[:3]

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
    found = [each for each in network.layers if isinstance(each, keras.layers.BatchNormalization)]
    for layer, (mean, variance) in zip(found, moments, strict=True):
        for moving, value in ((layer.moving_mean, mean), (layer.moving_variance, variance)):
            moving.assign(layer.momentum * moving + (1 - layer.momentum) * value)
