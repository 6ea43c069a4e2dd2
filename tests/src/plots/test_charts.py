"""The charts: learning curves, confusion matrices, reliability diagrams."""

import warnings

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from src.plots.charts import (
    LARGEST,
    confusion_matrix_figure,
    curves_figure,
    drawable,
    reliability_figure,
)

TABLE = pd.DataFrame(
    {"count": [0, 20, 80], "confidence": [np.nan, 0.6, 0.9], "accuracy": [np.nan, 0.5, 1.0]}
)
NAMES = ["T-shirt/top", "Größe", "ねこ", "$x_1$ \\alpha", "a" * 30, "κόσμος"]


def test_curves_show_every_row():
    history = [
        {"epoch": n, "loss": 1 / n, "val_loss": 1.1 / n, "val_accuracy": 1 - 0.5 / n}
        for n in range(1, 5)
    ]
    losses, accuracies = curves_figure(history, "cnn").axes
    assert [len(line.get_xdata()) for line in losses.lines] == [4, 4]
    assert accuracies.lines[0].get_ydata()[-1] == 0.875


def test_a_small_matrix_shows_percentages_and_the_names_of_the_classes():
    matrix = np.eye(3, dtype=int) * 7
    axes = confusion_matrix_figure(matrix, ["a", "b $x$", "ü"], "title").axes[0]
    assert [text.get_text() for text in axes.texts] == ["100.0"] * 3
    for labels in (axes.get_xticklabels(), axes.get_yticklabels()):
        assert [label.get_text() for label in labels] == ["a", r"b \$x\$", "ü"]
    assert axes.get_xticklabels()[0].get_rotation() == 45


@pytest.mark.parametrize(("classes", "has_names"), [(60, True), (61, False)])
def test_a_large_matrix_has_colors_only_and_a_very_large_one_numbers(classes, has_names):
    names = [f"name {number}" for number in range(classes)]
    axes = confusion_matrix_figure(np.eye(classes, dtype=int), names, "title").axes[0]
    assert not axes.texts
    assert ("name 7" in [each.get_text() for each in axes.get_yticklabels()]) == has_names
    assert ("number of the class" in axes.get_xlabel()) != has_names


def test_a_reliability_diagram_has_a_point_for_each_bin_with_images():
    (axes,) = reliability_figure({"cnn": (TABLE, 0.0456)}).axes
    assert axes.get_title() == "cnn\nECE 0.0456"
    (points,) = axes.collections
    np.testing.assert_array_equal(points.get_offsets(), [[0.6, 0.5], [0.9, 1.0]])
    np.testing.assert_allclose(points.get_sizes(), LARGEST * np.sqrt([0.2, 0.8]))


@pytest.mark.parametrize(("count", "rows", "columns"), [(1, 1, 1), (5, 2, 4)])
def test_reliability_diagrams_are_in_rows(count, rows, columns):
    figure = reliability_figure({f"recipe {n}": (TABLE, 0.0) for n in range(count)})
    assert figure.axes[0].get_gridspec().get_geometry() == (rows, columns)
    assert sum(axes.get_visible() for axes in figure.axes) == count


def test_every_name_is_drawn_without_a_warning_or_as_its_number(tmp_path):
    drawn = drawable(NAMES)
    assert drawn[:4] == ["T-shirt/top", "Größe", "class 2", r"\$x_1\$ \alpha"]
    assert drawn[4:] == ["a" * 19 + "…", "κόσμος"]
    figure = Figure()
    figure.add_subplot().set_xticks(range(len(NAMES)), drawn)
    with warnings.catch_warnings(action="error"):
        figure.savefig(tmp_path / "names.png")
