"""The plot of a confusion matrix."""

import numpy as np

from src.plots.confusion_matrix import confusion_matrix_figure


def texts(classes: int) -> list[str]:
    names = [f"name {number}" for number in range(classes)]
    figure = confusion_matrix_figure(np.eye(classes, dtype=int) * 7, names, "title")
    return [text.get_text() for text in figure.axes[0].texts]


def test_a_small_matrix_shows_its_percentages():
    assert texts(3) == ["100.0", "100.0", "100.0"]


def test_a_large_matrix_has_colors_only():
    assert texts(100) == []


def test_the_axes_show_the_names_of_the_classes():
    figure = confusion_matrix_figure(np.eye(3, dtype=int), ["a", "b $x$", "ü"], "title")
    for labels in (figure.axes[0].get_xticklabels(), figure.axes[0].get_yticklabels()):
        assert [label.get_text() for label in labels] == ["a", r"b \$x\$", "ü"]
    assert figure.axes[0].get_xticklabels()[0].get_rotation() == 45
