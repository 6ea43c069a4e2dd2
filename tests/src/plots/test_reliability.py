"""The reliability diagrams."""

import numpy as np
import pandas as pd
import pytest

from src.plots.reliability import LARGEST, reliability_figure

TABLE = pd.DataFrame(
    {"count": [0, 20, 80], "confidence": [np.nan, 0.6, 0.9], "accuracy": [np.nan, 0.5, 1.0]}
)


def test_a_panel_has_a_point_for_each_bin_with_images():
    (axes,) = reliability_figure({"cnn": (TABLE, 0.0456)}).axes
    assert axes.get_title() == "cnn\nECE 0.0456"
    (points,) = axes.collections
    np.testing.assert_array_equal(points.get_offsets(), [[0.6, 0.5], [0.9, 1.0]])
    np.testing.assert_allclose(points.get_sizes(), LARGEST * np.sqrt([0.2, 0.8]))


@pytest.mark.parametrize(("count", "rows", "columns"), [(1, 1, 1), (4, 1, 4), (5, 2, 4), (9, 3, 4)])
def test_panels_are_in_rows(count, rows, columns):
    figure = reliability_figure({f"recipe {n}": (TABLE, 0.0) for n in range(count)})
    assert figure.axes[0].get_gridspec().get_geometry() == (rows, columns)
    assert [axes.get_visible() for axes in figure.axes] == [
        number < count for number in range(rows * columns)
    ]


def test_texts_are_in_the_figure_and_do_not_overlap():
    figure = reliability_figure({f"softmax_normal_{n}": (TABLE, 0.1) for n in range(5)})
    figure.draw_without_rendering()
    titles = [axes.title for axes in figure.axes[:5]]
    boxes = [text.get_window_extent() for text in [*titles, *figure.texts]]
    pairs = [(one, other) for i, one in enumerate(boxes) for other in boxes[:i]]
    assert not any(one.overlaps(other) for one, other in pairs)
    assert all(figure.bbox.fully_containsx(x) for box in boxes for x in (box.x0, box.x1))
    assert all(figure.bbox.fully_containsy(y) for box in boxes for y in (box.y0, box.y1))
