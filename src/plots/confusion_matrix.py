"""The plot of a confusion matrix."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from src.plots.names import drawable, rotation

MAX_CLASSES_WITH_NUMBERS = 20  # with more classes, the numbers would overlap
MAX_CLASSES_WITH_NAMES = 60


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
