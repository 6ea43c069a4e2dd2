"""The plot of a confusion matrix."""

import numpy as np

from src.plots.confusion_matrix import confusion_matrix_figure


def texts(classes: int) -> list[str]:
    figure = confusion_matrix_figure(np.eye(classes, dtype=int) * 7, "title")
    return [text.get_text() for text in figure.axes[0].texts]


def test_a_small_matrix_shows_its_percentages():
    assert texts(3) == ["100.0", "100.0", "100.0"]


def test_a_large_matrix_has_colors_only():
    assert texts(100) == []
