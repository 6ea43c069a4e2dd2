"""Many small images in one figure."""

import numpy as np
import pandas as pd
import pytest
from keras.layers import Conv2D, Dense, Flatten, Reshape
from matplotlib.image import imread

from src.common.tensorflow import keras
from src.plots.contact_sheet import (
    class_sheet,
    contact_sheet,
    first_layer_figure,
    mistake_sheet,
    write_png,
)


def drawn(figure):
    return figure.axes[0].images[0].get_array()


def texts(figure):
    return [text.get_text() for text in figure.axes[0].texts]


def row_names(figure):
    return [label.get_text() for label in figure.axes[0].get_yticklabels()]


def test_images_are_in_rows_with_their_captions():
    images = np.arange(1, 6, dtype=np.uint8)[:, None, None] * np.ones((5, 10, 10), np.uint8)
    figure = contact_sheet(images, list("abcde"), columns=2)
    sheet = drawn(figure)
    assert [sheet[0, 0], sheet[0, -2], sheet[16, 0], sheet[16, -2], sheet[32, 0]] == [1, 2, 3, 4, 5]
    assert np.ma.is_masked(sheet[32, -2]) or np.isnan(sheet[32, -2])  # there is no sixth image
    assert texts(figure) == list("abcde")


def test_a_class_sheet_has_a_row_for_each_class():
    labels = np.array([2, 0, 2, 0, 0, 7], np.uint8)
    images = np.arange(6, dtype=np.uint8)[:, None, None] * np.ones((6, 10, 10), np.uint8)
    figure = class_sheet(images, labels, [f"name {label}" for label in range(8)], columns=2)
    sheet = drawn(figure)
    assert row_names(figure) == ["name 0", "name 2", "name 7"]
    firsts = [sheet[row * 11, column * 11] for row in range(3) for column in range(2)]
    assert firsts[:5] == [1, 3, 0, 2, 5]
    assert np.ma.is_masked(firsts[5]) or np.isnan(firsts[5])  # class 7 has only one image
    assert "The first 2 images of each class" in figure.axes[0].get_title()


def test_the_title_says_how_many_of_many_classes_are_drawn():
    labels = np.arange(256, dtype=np.uint8)
    figure = class_sheet(np.zeros((256, 8, 8), np.uint8), labels, list(map(str, labels)))
    assert row_names(figure) == [str(label) for label in range(20)]
    assert "20 of 256 classes" in figure.axes[0].get_title()


@pytest.mark.parametrize("shape", [(28, 28), (1, 1), (200, 20), (512, 512)])
def test_captions_of_neighbours_do_not_overlap(shape):
    figure = contact_sheet(np.zeros((4, *shape), np.uint8), ["predicted $x_1$ [red]\nc"] * 4)
    figure.draw_without_rendering()
    boxes = [text.get_window_extent() for text in figure.axes[0].texts]
    pairs = [(one, other) for i, one in enumerate(boxes) for other in boxes[:i]]
    assert not any(one.overlaps(other) for one, other in pairs)
    assert max(figure.get_size_inches()) < 12


def test_the_same_images_give_the_same_file(tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (12, 9, 5), np.uint8)
    for name in ("a.png", "b.png"):
        write_png(contact_sheet(images, [str(i) for i in range(12)], 4, title="t"), tmp_path / name)
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
    assert b"Software" not in (tmp_path / "a.png").read_bytes()
    assert imread(tmp_path / "a.png").ndim == 3


def test_mistakes_are_sorted_by_probability():
    images = np.zeros((4, 6, 6), np.uint8)
    predictions = pd.DataFrame(
        {"actual": [1, 2, 3, 4], "predicted": [1, 3, 4, 5], "probability": [0.9, 0.5, 0.8, 0.7]}
    )
    figure = mistake_sheet(images, predictions, list("abcdef"), "cnn", count=2)
    assert [text.get_text() for text in figure.axes[0].texts] == [
        "predicted e (80%),\nactual d",
        "predicted f (70%),\nactual e",
    ]
    assert figure.axes[0].get_title() == "cnn\n3 mistakes; the 2 with the highest probability"


def test_few_mistakes_are_all_drawn_and_none_are_said():
    wrong = pd.DataFrame({"actual": [1], "predicted": [0], "probability": [0.9]})
    figure = mistake_sheet(np.zeros((1, 6, 6), np.uint8), wrong, ["a", "b"], "cnn")
    assert figure.axes[0].get_title() == "cnn\n1 mistake"
    figure = mistake_sheet(np.zeros((1, 6, 6), np.uint8), wrong.assign(predicted=1), ["a"], "cnn")
    assert "no mistakes" in figure.get_suptitle()


@pytest.mark.parametrize(
    ("layers", "images", "title"),
    [
        ([Flatten(), Dense(10)], 10, "weights of each class"),
        ([Flatten(), Dense(70), Dense(3)], 50, "50 of 70"),
        ([Reshape((6, 5, 1)), Conv2D(12, 3), Flatten(), Dense(3)], 12, "first layer"),
    ],
)
def test_each_unit_is_drawn(layers, images, title):
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
