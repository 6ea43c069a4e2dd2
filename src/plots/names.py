"""Class names as Matplotlib can draw them."""

from collections.abc import Sequence
from functools import cache
from typing import Any

from matplotlib.font_manager import findfont, get_font

MAX_LENGTH = 20
LONGEST_HORIZONTAL = 3  # characters


def drawable(names: Sequence[str]) -> list[str]:
    """Return the names, shortened, with mathematical text disabled.

    A name with characters that Matplotlib's own font does not have, such as Chinese ones, is
    replaced by ``class`` and its number: other fonts differ between machines.
    """
    return [_drawable(number, name) for number, name in enumerate(names)]


def rotation(names: Sequence[str]) -> dict[str, Any]:
    """Return the settings of labels below a plot: names that would overlap are rotated."""
    if max(map(len, names)) <= LONGEST_HORIZONTAL:
        return {}
    return {"rotation": 45, "ha": "right", "rotation_mode": "anchor"}


def _drawable(number: int, name: str) -> str:
    if not {ord(character) for character in name} <= _characters():
        return f"class {number}"
    short = name if len(name) <= MAX_LENGTH else f"{name[: MAX_LENGTH - 1]}…"
    return short.replace("$", r"\$")


@cache
def _characters() -> frozenset[int]:
    return frozenset(get_font(findfont("DejaVu Sans")).get_charmap())
