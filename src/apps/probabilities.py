"""Bar charts of the probabilities of all classes: in the terminal and as a figure."""

import numpy as np
from matplotlib.figure import Figure
from rich.bar import Bar
from rich.console import Console
from rich.table import Table

BAR_WIDTH = 40


def show(console: Console, title: str, probabilities: np.ndarray, actual: int | None) -> None:
    """Print a bar for each class, from probabilities ``float [K]``, and whether it is correct."""
    predicted = int(probabilities.argmax())
    known = "" if actual is None else f"actual {actual}, "
    mark = "" if actual is None else ("  ✓" if actual == predicted else "  ✗")
    console.print(f"\n[bold]{title}[/bold]: {known}predicted [bold]{predicted}[/bold]{mark}")
    grid = Table.grid(padding=(0, 1))
    for label, probability in enumerate(probabilities):
        color = "green" if label == predicted else "blue"
        bar = Bar(1, 0, float(probability), width=BAR_WIDTH, color=color)
        grid.add_row(f"  {label}", bar, f"{probability:7.2%}")
    console.print(grid)


def prediction_figure(image: np.ndarray, probabilities: np.ndarray, actual: int | None) -> Figure:
    """Draw an image ``uint8 [H, W]`` and its probabilities ``float [K]``, as the tutorial does."""
    predicted = int(probabilities.argmax())
    figure = Figure((8, 3.6), dpi=100, layout="constrained")
    left, right = figure.subplots(1, 2)
    left.imshow(image, cmap="gray", vmin=0, vmax=255, interpolation="nearest")
    left.set_axis_off()
    classes = range(len(probabilities))
    colors = ["tab:green" if each == predicted else "tab:blue" for each in classes]
    right.bar(classes, probabilities, color=colors)
    right.set(xlabel="digit", ylabel="probability", ylim=(0, 1.02))
    if len(probabilities) <= 20:
        right.set_xticks(classes)
    known = "" if actual is None else f"actual: {actual}, "
    figure.suptitle(f"{known}predicted: {predicted}")
    return figure
