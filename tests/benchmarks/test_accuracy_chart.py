"""The plot of the error rates of all recipes."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.text import Annotation, Text

from benchmarks.accuracy_chart import LEAST_ERROR, accuracy_figure

TABLE = pd.DataFrame(
    [
        ("softmax", "tutorials", 7_850, 4.0, 0.91, np.nan, np.nan),
        ("cnn", "tutorials", 1_378_698, 80.0, 0.991, 0.9905, 0.9915),
        ("cnn_large", "modern", 1_300_000, 85.0, 0.9911, 0.9906, 0.9916),
        ("cnn_tiny", "modern", 1_310_000, np.nan, 0.9912, 0.9907, 0.9917),
        ("perfect", "modern", 50_000, 100.0, 1.0, 0.999, 1.001),
    ],
    columns=["recipe", "group", "parameters", "seconds", "accuracy", "low", "high"],
)


def labels(axes) -> list[Annotation]:
    return [each for each in axes.texts if isinstance(each, Annotation)]


def test_better_is_up_and_unknown_times_are_left_out():
    first, second = accuracy_figure(TABLE).axes
    assert first.yaxis_inverted() and first.get_yscale() == first.get_xscale() == "log"
    assert {each.get_text() for each in labels(first)} == {*TABLE.recipe}
    assert {each.get_text() for each in labels(second)} == {*TABLE.recipe} - {"cnn_tiny"}
    tutorials, modern = first.containers
    assert tutorials.lines[0].get_ydata() == pytest.approx([9.0, 0.9])
    assert modern.lines[0].get_ydata()[-1] == LEAST_ERROR
    assert [each.get_label() for each in first.containers] == ["tutorials", "modern"]
    colors = {each.lines[0].get_color() for each in first.containers}
    assert len(colors) == 2


def test_labels_do_not_overlap():
    for axes in accuracy_figure(TABLE).axes:
        boxes = [Text.get_window_extent(each) for each in labels(axes)]
        assert not any(
            first.overlaps(second) for i, first in enumerate(boxes) for second in boxes[:i]
        )
        assert all(axes.bbox.fully_containsx(x) for box in boxes for x in (box.x0, box.x1))
