"""The cost of a prediction."""

from math import prod

from src.common.tensorflow import keras


def multiply_adds(model: keras.Model) -> int:
    """The number of products that the model adds up to predict the logits of one image.

    Counted are dense layers (inputs × units) and convolutions (positions × height × width × input
    channels / groups × filters), which need almost all of the time. Products with the zeros around
    an image count, too; biases, activations and all other layers do not.
    """
    return sum(
        prod(layer.output.shape[1:]) * prod(layer.kernel.shape[:-1])
        for layer in model.layers
        if isinstance(layer, keras.layers.Dense | keras.layers.Conv2D)
    )
