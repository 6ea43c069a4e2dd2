"""Text for the terminal."""

from src.common.texts import printable


def test_only_what_cannot_be_shown_is_escaped():
    assert printable("Tür 猫 $x_1$ [red]/a.png") == "Tür 猫 $x_1$ [red]/a.png"
    assert printable("a\x1b[2J\n\udcff") == r"a\x1b[2J\n\udcff"
