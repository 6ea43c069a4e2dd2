"""Charts of trainings and test results: learning curves, confusion matrix, reliability."""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.font_manager import findfont, get_font
from matplotlib.ticker import MaxNLocator

MAX_CLASSES_WITH_NUMBERS = 20  # in a confusion matrix; with more, the numbers would overlap
MAX_CLASSES_WITH_NAMES = 60
MOST_IN_A_ROW = 4  # reliability diagrams
LARGEST = 150  # area of the point of a bin that has all images, in points²
MAX_LENGTH = 20  # characters of a name
LONGEST_HORIZONTAL = 3  # characters of names that are not rotated


def curves_figure(history: list[dict[str, float]], title: str) -> Figure:
    """Draw loss and accuracy by epoch, from the rows of ``history.csv``."""
    figure = Figure((9, 3.6), dpi=100, layout="constrained")
    losses, accuracies = figure.subplots(1, 2)
    table = pd.DataFrame(history)
    style: dict[str, Any] = {"marker": "o" if len(table) < 40 else None, "markersize": 3}
    losses.plot(table.epoch, table.loss, label="training", **style)
    losses.plot(table.epoch, table.val_loss, label="validation", **style)
    values = table[["loss", "val_loss"]].to_numpy()
    if 0 < 20 * values.min() < values.max():
        losses.set_yscale("log")
    losses.legend()
    accuracies.plot(table.epoch, table.val_accuracy, **style)
    for axes, label in ((losses, "cross-entropy, nats"), (accuracies, "validation accuracy")):
        axes.set(xlabel="epoch", ylabel=label)
        axes.grid(alpha=0.3)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    figure.suptitle(title)
    return figure


def confusion_matrix_figure(confusion: np.ndarray, names: Sequence[str], title: str) -> Figure:
    """Draw counts ``int [K, K]`` (rows actual, columns predicted) as percentages of each row.

    ``names`` are those of the K classes.
    """
    # scikit-learn's ConfusionMatrixDisplay writes 0.0 into empty cells and labels all K classes.
    classes = len(confusion)
    percents = 100 * confusion / np.maximum(confusion.sum(axis=1, keepdims=True), 1)
    side = min(12, max(5, 0.5 * classes + 1))
    figure = Figure(figsize=(side + 1, side), layout="constrained")
    axes = figure.subplots()
    image = axes.imshow(percents, cmap="Blues", vmin=0, vmax=100)
    figure.colorbar(image, ax=axes, label="percent of the actual class", shrink=0.8)
    number = "" if classes <= MAX_CLASSES_WITH_NAMES else " (number of the class)"
    axes.set(xlabel=f"predicted{number}", ylabel=f"actual{number}", title=title)
    if classes <= MAX_CLASSES_WITH_NAMES:
        names, size = drawable(names), 10 if classes <= MAX_CLASSES_WITH_NUMBERS else 8
        axes.set_yticks(range(classes), names, size=size)
        axes.set_xticks(range(classes), names, size=size, **rotation(names))
    if classes <= MAX_CLASSES_WITH_NUMBERS:
        for row, column in np.argwhere(percents):
            color = "white" if percents[row, column] > 50 else "black"
            text = f"{percents[row, column]:.1f}"
            axes.text(column, row, text, ha="center", va="center", color=color, size=8)
    return figure


def reliability_figure(tables: Mapping[str, tuple[pd.DataFrame, float]]) -> Figure:
    """Draw the accuracy of predictions against their confidence, a panel for each recipe.

    A point is a bin with images; its area grows with the root of their number. The points of a
    calibrated model are on the diagonal.

    Args:
        tables: by recipe: the result of ``metrics.reliability``, and the calibration error.
    """
    columns = min(MOST_IN_A_ROW, len(tables))
    rows = -(-len(tables) // columns)
    figure = Figure((2.5 * columns + 0.6, 2.5 * rows + 1), dpi=100, layout="constrained")
    panels = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False).ravel()
    for axes, (name, (table, error)) in zip(panels, tables.items(), strict=False):
        drawn = table[table["count"] > 0]
        area = LARGEST * np.sqrt(drawn["count"] / drawn["count"].sum())
        axes.plot([0, 1], [0, 1], color="gray", linewidth=0.8)
        axes.scatter(drawn.confidence, drawn.accuracy, area, clip_on=False, zorder=3)
        axes.set(xlim=(0, 1), ylim=(0, 1), xticks=(0, 0.5, 1), yticks=(0, 0.5, 1))
        axes.set_title(f"{name}\nECE {error:.4f}", fontsize=9)
        axes.grid(alpha=0.3)
    for axes in panels[len(tables) :]:
        axes.set_visible(False)
    for axes in panels[: len(tables)][-columns:]:  # nothing is below them
        axes.tick_params(labelbottom=True)
    figure.suptitle("Reliability on the test images")
    figure.supxlabel("confidence (predicted probability)", size=10)
    figure.supylabel("accuracy", size=10)
    return figure


def drawable(names: Sequence[str]) -> list[str]:
    """Return the names, shortened, with mathematical text disabled.

    A name with characters that Matplotlib's own font does not have, such as Chinese ones, is
    replaced by ``class`` and its number: other fonts differ between machines.
    """
    drawn = []
    for number, name in enumerate(names):
        if not set(map(ord, name)) <= _characters():
            name = f"class {number}"
        short = name if len(name) <= MAX_LENGTH else f"{name[: MAX_LENGTH - 1]}…"
        drawn.append(short.replace("$", r"\$"))
    return drawn


def rotation(names: Sequence[str]) -> dict[str, Any]:
    """Return the settings of labels below a plot: names that would overlap are rotated."""
    if max(map(len, names)) <= LONGEST_HORIZONTAL:
        return {}
    return {"rotation": 45, "ha": "right", "rotation_mode": "anchor"}


@cache
def _characters() -> frozenset[int]:
    return frozenset(get_font(findfont("DejaVu Sans")).get_charmap())
