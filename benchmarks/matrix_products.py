"""The matrix products of a training step without the rest of it: the limit of the machine."""

from collections.abc import Callable

import numpy as np

from src.common.tensorflow import keras, tf
from src.training.execution import Execution

BATCHES = 4  # different random inputs, so that no compiler can move the product out of the loop
Operation = Callable[[tf.Tensor], tf.Tensor]  # takes the number of the input, 0 to BATCHES - 1


class MatrixProducts:
    """All matrix products and convolutions of a model's training step, one after the other.

    Attributes:
        flops: floating-point operations per step, two for each multiplication. Each layer has three
            products: the output, the gradient of the weights, and, except for the first layer,
            the gradient of the input.
    """

    def __init__(self, model: keras.Model, batch_size: int, execution: Execution) -> None:
        self.flops = 0
        self._loops: list[tf.types.experimental.PolymorphicFunction] = []
        dtype, xla = tf.as_dtype(execution.precision), execution.compile == "xla"
        kinds = (keras.layers.Dense, keras.layers.Conv2D)
        layers = [layer for layer in model.layers if isinstance(layer, kinds)]
        for layer in layers:
            inputs = [BATCHES, batch_size, *layer.input.shape[1:]]
            outputs = [BATCHES, batch_size, *layer.output.shape[1:]]
            x, gradient, weights = (
                tf.cast(tf.random.normal(shape), dtype)
                for shape in (inputs, outputs, layer.kernel.shape)
            )
            if isinstance(layer, keras.layers.Dense):
                operations = dense_products(x, gradient, weights)
                positions = 1
            else:
                operations = convolution_products(x, gradient, weights)
                positions = int(np.prod(layer.output.shape[1:3]))
            if layer is layers[0]:
                operations = operations[:2]
            multiplications = batch_size * positions * int(np.prod(weights.shape))
            self.flops += 2 * multiplications * len(operations)
            self._loops += [_loop(operation, xla) for operation in operations]

    def run(self, steps: int) -> None:
        """Compute the products of ``steps`` steps."""
        for loop in self._loops:
            loop(tf.constant(steps))


def dense_products(x: tf.Tensor, gradient: tf.Tensor, weights: tf.Tensor) -> list[Operation]:
    """Output, gradient of the weights and gradient of the input of a dense layer.

    Takes inputs ``[BATCHES, batch, in]``, gradients of the outputs ``[BATCHES, batch, out]``, and
    weights ``[in, out]``.
    """
    return [
        lambda i: tf.matmul(x[i], weights),
        lambda i: tf.matmul(x[i], gradient[i], transpose_a=True),
        lambda i: tf.matmul(gradient[i], weights, transpose_b=True),
    ]


def convolution_products(x: tf.Tensor, gradient: tf.Tensor, weights: tf.Tensor) -> list[Operation]:
    """The same for a convolution with stride 1 and padding ``same``; all in channels-last order."""
    settings = {"strides": [1, 1, 1, 1], "padding": "SAME"}
    return [
        lambda i: tf.raw_ops.Conv2D(input=x[i], filter=weights, **settings),
        lambda i: tf.raw_ops.Conv2DBackpropFilter(
            input=x[i], filter_sizes=weights.shape, out_backprop=gradient[i], **settings
        ),
        lambda i: tf.raw_ops.Conv2DBackpropInput(
            input_sizes=x.shape[1:], filter=weights, out_backprop=gradient[i], **settings
        ),
    ]


def _loop(operation: Operation, xla: bool) -> tf.types.experimental.PolymorphicFunction:
    @tf.function(jit_compile=xla)
    def loop(steps: tf.Tensor) -> tf.Tensor:
        result, step = operation(tf.constant(0)), tf.constant(1)
        while step < steps:
            result = operation(step % BATCHES)
            step += 1
        return result

    return loop
