"""Class names as Matplotlib can draw them."""

import warnings

import pytest
from matplotlib.figure import Figure
from src.plots.names import drawable, rotation

NAMES = ["T-shirt/top", "Größe", "ねこ", "$x_1$ \\alpha", "a" * 30, "κόσμος"]


def test_names_without_glyphs_become_numbers_and_long_names_are_shortened():
    drawn = drawable(NAMES)
    assert drawn[:3] == ["T-shirt/top", "Größe", "class 2"]
    assert drawn[4:] == ["a" * 19 + "…", "κόσμος"]


def test_every_name_is_drawn_without_a_warning(tmp_path):
    figure = Figure()
    axes = figure.add_subplot()
    axes.set_xticks(range(len(NAMES)), drawable(NAMES))
    with warnings.catch_warnings(action="error"):
        figure.savefig(tmp_path / "names.png")
    assert axes.get_xticklabels()[3].get_text() == r"\$x_1\$ \alpha"


@pytest.mark.parametrize(("names", "rotates"), [(["0", "10"], False), (["0", "boot"], True)])
def test_long_names_are_rotated(names, rotates):
    assert bool(rotation(names)) == rotates
