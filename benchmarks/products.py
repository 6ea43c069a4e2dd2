"""The arithmetic of a training step and nothing else: what the machine can do at best."""

from collections.abc import Callable

import keras
import numpy as np
import tensorflow as tf

from src.training.execution import Execution

BATCHES = 4  # of random input, taken in turn, so that no compiler finds anything to compute once


class Products:
    """Every matrix product and convolution of a model's training step, one kind after the other.

    Attributes:
        flops: floating-point operations of a step: two for each multiplication. A layer takes
            part three times: forward, the gradient of its weights, and, but for the first, the
            gradient of its input.
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
                operations = _dense(x, gradient, weights)
                places = 1
            else:
                operations = _convolution(x, gradient, weights)
                places = int(np.prod(layer.output.shape[1:3]))
            if layer is layers[0]:
                operations = operations[:2]
            self.flops += 2 * batch_size * places * int(np.prod(weights.shape)) * len(operations)
            self._loops += [_loop(operation, xla) for operation in operations]

    def run(self, steps: int) -> float:
        """Do the arithmetic of so many steps."""
        for loop in self._loops:
            loop(tf.constant(steps))
        return 0.0


Operation = Callable[[tf.Tensor], tf.Tensor]  # of the number of a batch


def _dense(x: tf.Tensor, gradient: tf.Tensor, weights: tf.Tensor) -> list[Operation]:
    return [
        lambda i: tf.matmul(x[i], weights),
        lambda i: tf.matmul(x[i], gradient[i], transpose_a=True),
        lambda i: tf.matmul(gradient[i], weights, transpose_b=True),
    ]


def _convolution(x: tf.Tensor, gradient: tf.Tensor, weights: tf.Tensor) -> list[Operation]:
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
