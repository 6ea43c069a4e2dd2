"""The plot of the first layer, for models of each family."""

import keras
import numpy as np
import pytest

from src.plots.contact_sheet import write_png
from src.plots.first_layer import first_layer_figure


@pytest.mark.parametrize(
    ("layers", "images", "title"),
    [
        ([keras.layers.Flatten(), keras.layers.Dense(10)], 10, "weights of each class"),
        (
            [keras.layers.Flatten(), keras.layers.Dense(70), keras.layers.Dense(3)],
            50,
            "50 of 70 units",
        ),
        (
            [
                keras.layers.Reshape((6, 5, 1)),
                keras.layers.Conv2D(12, 3),
                keras.layers.Flatten(),
                keras.layers.Dense(3),
            ],
            12,
            "first layer",
        ),
    ],
)
def test_each_unit_is_drawn(layers, images, title, tmp_path):
    model = keras.Sequential([keras.Input((6, 5), dtype="uint8"), *layers])
    figure = first_layer_figure(model, [f"name {n}" for n in range(10)], "cnn")
    assert title in figure.get_suptitle()
    sheet = figure.axes[0].images[0].get_array()
    # A filter of 3×3 weights is drawn with 2×2 pixels for each weight.
    assert np.isfinite(sheet).sum() == images * (36 if title == "first layer" else 30)
    texts = [text.get_text() for text in figure.axes[0].texts]
    assert texts == ([f"name {n}" for n in range(10)] if images == 10 else [])
    if images == 10:
        kernel = np.asarray(model.layers[-1].kernel)
        np.testing.assert_array_equal(sheet[:6, 24:29], kernel[:, 4].reshape(6, 5))
    write_png(figure, tmp_path / "layer.png")
    assert (tmp_path / "layer.png").stat().st_size > 1000
