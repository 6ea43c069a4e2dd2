"""The picture of what the first layer of a model has learned to look for."""

import keras
import numpy as np
from matplotlib.figure import Figure

from src.plots.contact_sheet import contact_sheet

MAX_UNITS = 50


def first_layer_picture(model: keras.Model, title: str) -> Figure:
    """The weights that each unit, or each filter, gives to the points of a picture.

    A dense layer's unit has a weight for each point of the image; without hidden layers the units
    are the classes. A convolution's filter slides over the image.

    Args:
        model: takes ``uint8 [N, H, W]``.
    """
    layer = next(each for each in model.layers if each.weights)
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
        [str(index) for index in range(len(drawn))] if classes else None,
        columns=5 if len(drawn) <= 10 else 10,
        colours="RdBu",
        limits=(-limit, limit),
    )
    (axes,) = figure.axes
    figure.colorbar(axes.images[0], ax=axes, label="weight", pad=0.02)
    what = "the weights of each class" if classes else "what the first layer looks for"
    if len(drawn) < len(filters):
        what += f", {len(drawn)} of {len(filters)} units"
    figure.suptitle(f"{title}: {what}\n(blue for, red against)", fontsize=10)
    return figure
