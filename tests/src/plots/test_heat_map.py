"""The heat map of percentages in groups of columns."""

import numpy as np
import pytest

from src.plots.contact_sheet import write_png
from src.plots.heat_map import heat_map_figure

GROUPS = [("one", [""]), ("shift\n(pixels)", ["1", "2", "3"])]
PERCENTS = np.array([[0.94, 9.96, 50, np.nan], [0, 1, 99, 100]])


@pytest.fixture
def axes():
    figure = heat_map_figure(PERCENTS, ["cnn", "a $x$"], GROUPS, "title")
    figure.draw_without_rendering()
    return figure.axes[0]


def test_each_value_is_written_into_its_cell(axes):
    places = {text.get_text(): text.get_position() for text in axes.texts}
    assert list(places) == ["0.9", "10", "50", "0.0", "1.0", "99", "100"], "NaN has no text"
    assert places["0.9"] == (0, 0)
    assert places["100"][1] == 1
    assert places["50"][0] - places["10"][0] == 1
    assert places["10"][0] - places["0.9"][0] > 1, "there is a gap between groups"


def test_text_can_be_read_on_its_color(axes):
    colors = {text.get_text(): text.get_color() for text in axes.texts}
    assert colors["0.9"] == "black" and colors["100"] == "white"


def test_the_colors_are_those_of_the_values_in_their_groups(axes):
    arrays = [image.get_array().filled(np.nan) for image in axes.images]
    np.testing.assert_array_equal(np.concatenate(arrays, axis=1), PERCENTS)
    one, shift = (tuple(image.get_extent()[:2]) for image in axes.images)
    assert one == (-0.5, 0.5)
    assert shift[1] - shift[0] == 3
    norm = axes.images[0].norm
    assert [norm(value) for value in (0, 25, 100)] == pytest.approx([0, 0.5, 1])
    assert norm(4) - norm(1) > norm(99) - norm(96), "small percentages differ more"


def test_rows_columns_and_groups_have_names(axes):
    assert [label.get_text() for label in axes.get_yticklabels()] == ["cnn", r"a \$x\$"]
    assert [label.get_text() for label in axes.get_xticklabels()] == ["", "1", "2", "3"]
    (above,) = axes.child_axes
    assert [label.get_text() for label in above.get_xticklabels()] == ["one", "shift\n(pixels)"]
    middle = axes.texts[2].get_position()[0]  # of the three columns
    assert above.get_xticks().tolist() == [0, middle]


def test_a_wrong_shape_is_an_error():
    with pytest.raises(ValueError, match=r"percents must be \[1, 4\], not \[2, 4\]"):
        heat_map_figure(PERCENTS, ["cnn"], GROUPS, "title")


def test_a_single_value_and_many_rows_can_be_drawn(tmp_path):
    for rows in (1, 60):
        names = [f"recipe {number}" for number in range(rows)]
        file = tmp_path / "map.png"
        write_png(heat_map_figure(np.full((rows, 1), 3.0), names, [("", [""])], ""), file)
        assert file.stat().st_size > 1000
