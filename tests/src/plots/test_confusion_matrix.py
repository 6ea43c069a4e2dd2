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


def test_a_matrix_of_very_many_classes_has_their_numbers():
    names = [f"name {number}" for number in range(61)]
    for classes, label in ((60, "predicted"), (61, "predicted (number of the class)")):
        matrix = np.eye(classes, dtype=int)
        axes = confusion_matrix_figure(matrix, names[:classes], "title").axes[0]
        assert axes.get_xlabel() == label
        labels = [each.get_text() for each in axes.get_yticklabels()]
        assert ("name 7" in labels) == (classes == 60)
