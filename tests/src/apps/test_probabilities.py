"""Bar charts in the terminal and as a figure."""

import io

import numpy as np
from rich.console import Console

from src.apps import probabilities

PROBABILITIES = np.array([0.02, 0.9, 0.08])
NAMES = ["Tür", "[red]", "ねこ"]


def test_the_terminal_shows_a_bar_for_each_class():
    console = Console(file=io.StringIO(), width=80)
    probabilities.show(console, "seven.png", PROBABILITIES, NAMES, actual=2)
    probabilities.show(console, "other.png", PROBABILITIES, NAMES, actual=None)
    first, second = console.file.getvalue().strip().split("\n\n")
    title, *rows = first.splitlines()
    assert title == "seven.png: actual ねこ, predicted [red]  ✗"
    assert [row.split()[0] for row in rows] == NAMES
    lengths = [row.count("█") for row in rows]
    assert lengths[1] > 10 * lengths[2] > 0
    assert "90.00%" in rows[1]
    assert second.splitlines()[0] == "other.png: predicted [red]"


def test_the_figure_shows_the_image_and_the_bars():
    image = np.zeros((6, 5), np.uint8)
    figure = probabilities.prediction_figure(image, PROBABILITIES, NAMES, actual=2)
    assert figure.get_suptitle() == "actual: class 2, predicted: [red]"
    left, right = figure.axes
    assert left.images[0].get_array().shape == (6, 5)
    np.testing.assert_allclose([bar.get_height() for bar in right.patches], PROBABILITIES)
    assert right.get_ylabel() == "probability"
    assert [label.get_text() for label in right.get_xticklabels()] == ["Tür", "[red]", "class 2"]


def test_of_many_classes_the_most_probable_are_shown():
    many = np.linspace(0, 1, 256) / 128
    names = [f"name {number}" for number in range(256)]
    figure = probabilities.prediction_figure(np.zeros((6, 5), np.uint8), many, names, actual=1)
    labels = [label.get_text() for label in figure.axes[1].get_xticklabels()]
    assert labels == names[-20:]
    assert figure.get_suptitle() == "actual: name 1, predicted: name 255"
    assert figure.axes[1].get_xlabel() == "class (20 of 256)"
    console = Console(file=io.StringIO(), width=80)
    probabilities.show(console, "seven.png", many, names, actual=None)
    assert console.file.getvalue().endswith("  … and 236 less probable classes\n")
