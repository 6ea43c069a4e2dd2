"""The cost of a prediction."""

from math import prod

from src.common.tensorflow import keras


def multiply_adds(model: keras.Model) -> int:
    """The number of products that the model adds up to predict the logits of one image.

    Counted are dense layers (inputs × units) and convolutions (positions × height × width × input
    channels / groups × filters), which need almost all of the time. Products with the zeros around
    an image count, too; biases, activations and all other layers do not. A layer, or a model that
    is used as a layer, counts once for each call in the graph of the model.
    """
    # A model of inputs and outputs lists the calls of its layers; a `Sequential` does not.
    graph = keras.Model(model.inputs, model.outputs)
    layers = {layer.name: layer for layer in graph.layers}
    total = 0
    for operation in graph.get_config()["layers"]:
        layer = layers.get(operation["name"])  # None: a function such as keras.ops.flip
        if isinstance(layer, keras.Model):
            total += len(operation["inbound_nodes"]) * multiply_adds(layer)
        elif isinstance(layer, keras.layers.Dense | keras.layers.Conv2D):
            for call in operation["inbound_nodes"]:
                values = layer.compute_output_shape(call["args"][0]["config"]["shape"])
                total += prod(values[1:]) * prod(layer.kernel.shape[:-1])
    return total
