"""Bar charts of the probabilities of all classes: in the terminal and as a figure."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from rich.bar import Bar
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from src.plots.names import drawable, rotation

BAR_WIDTH = 40
MAX_BARS = 20
MANY_BARS = 12  # their names need a smaller font


def show(
    console: Console,
    title: str,
    probabilities: np.ndarray,
    names: Sequence[str],
    actual: int | None,
    hint: str = "",
) -> None:
    """Print a bar for the most probable classes, and whether the prediction is correct.

    Args:
        probabilities: ``float [K]``.
        names: of the K classes.
        actual: the number of the class, if it is known.
        hint: for the reader of the prediction.
    """
    predicted = int(probabilities.argmax())
    known = "" if actual is None else f"actual {escape(names[actual])}, "
    mark = "" if actual is None else ("  ✓" if actual == predicted else "  ✗")
    what = f"predicted [bold]{escape(names[predicted])}[/bold]{mark}"
    console.print(f"\n[bold]{escape(title)}[/bold]: {known}{what}")
    if hint:
        console.print(f"  [yellow]{escape(hint)}[/yellow]")
    grid = Table.grid(padding=(0, 1))
    for number in most_probable(probabilities):
        color = "green" if number == predicted else "blue"
        bar = Bar(1, 0, float(probabilities[number]), width=BAR_WIDTH, color=color)
        grid.add_row(f"  {escape(names[number])}", bar, f"{probabilities[number]:7.2%}")
    console.print(grid)
    if len(names) > MAX_BARS:
        console.print(f"  … and {len(names) - MAX_BARS} less probable classes")


def most_probable(probabilities: np.ndarray) -> np.ndarray:
    """The numbers of the ``MAX_BARS`` most probable classes, in the order of their numbers."""
    return np.sort(np.argsort(-probabilities, kind="stable")[:MAX_BARS])


def prediction_figure(
    image: np.ndarray, probabilities: np.ndarray, names: Sequence[str], actual: int | None
) -> Figure:
    """Draw an image ``uint8 [H, W]`` and its probabilities ``float [K]``, as the tutorial does.

    ``names`` are those of the K classes. At most ``MAX_BARS`` of them are drawn.
    """
    predicted = int(probabilities.argmax())
    figure = Figure((8, 3.6), dpi=100, layout="constrained")
    left, right = figure.subplots(1, 2)
    left.imshow(image, cmap="gray", vmin=0, vmax=255, interpolation="nearest")
    left.set_axis_off()
    drawn = most_probable(probabilities)
    texts, places = drawable(names), range(len(drawn))
    colors = ["tab:green" if each == predicted else "tab:blue" for each in drawn]
    right.bar(places, probabilities[drawn], color=colors)
    number = f" ({MAX_BARS} of {len(names)})" if len(names) > MAX_BARS else ""
    right.set(xlabel=f"class{number}", ylabel="probability", ylim=(0, 1.02))
    labels = [texts[each] for each in drawn]
    right.set_xticks(places, labels, size=10 if len(drawn) < MANY_BARS else 7, **rotation(labels))
    known = "" if actual is None else f"actual: {texts[actual]}, "
    figure.suptitle(f"{known}predicted: {texts[predicted]}")
    return figure
