"""The plot of the weights of a model's first layer."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from src.common.tensorflow import keras
from src.plots.contact_sheet import contact_sheet
from src.plots.names import drawable

MAX_UNITS = 50


def first_layer_figure(model: keras.Model, names: Sequence[str], title: str) -> Figure:
    """Draw the weights of each unit of a dense layer, or of each filter of a convolution.

    A unit of a dense layer has one weight for each pixel of the input ``uint8 [N, H, W]``.
    In a model without hidden layers, the units are the classes, with these ``names``. The filter of
    a convolution is applied at each position.
    """
    layer = _first_layer(model)
    kernel = np.asarray(layer.kernel, np.float32)
    if isinstance(layer, keras.layers.Dense):
        filters = kernel.T.reshape(-1, *model.input_shape[1:])
    else:
        filters = kernel[:, :, 0].transpose(2, 0, 1)
    classes = layer is model.layers[-1]
    drawn = filters[:MAX_UNITS]
    limit = float(np.quantile(np.abs(drawn), 0.995)) or 1.0
    figure = contact_sheet(
        drawn,
        drawable(names)[: len(drawn)] if classes else None,
        columns=5 if len(drawn) <= 10 else 10,
        cmap="RdBu",
        limits=(-limit, limit),
    )
    (axes,) = figure.axes
    figure.colorbar(axes.images[0], ax=axes, label="weight", pad=0.02)
    subtitle = "weights of each class" if classes else "weights of the first layer"
    if len(drawn) < len(filters):
        subtitle += f", {len(drawn)} of {len(filters)} units"
    figure.suptitle(f"{title}: {subtitle}\n(blue: positive, red: negative)", fontsize=10)
    return figure


def _first_layer(model: keras.Model) -> keras.layers.Layer:
    """The first layer with weights; in a model of several models, that of the first of them."""
    layer = next(each for each in model.layers if each.weights)
    return _first_layer(layer) if isinstance(layer, keras.Model) else layer
