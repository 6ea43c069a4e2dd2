"""The picture of a confusion matrix has its numbers, where they fit."""

import numpy as np

from src.plots.confusion_matrix import confusion_picture


def texts(classes: int) -> list[str]:
    figure = confusion_picture(np.eye(classes, dtype=int) * 7, "title")
    return [text.get_text() for text in figure.axes[0].texts]


def test_percentages_are_written_into_a_small_matrix():
    assert texts(3) == ["100.0", "100.0", "100.0"]


def test_a_large_matrix_has_colours_only():
    assert texts(100) == []
