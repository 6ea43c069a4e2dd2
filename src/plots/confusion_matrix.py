"""The picture of a confusion matrix."""

import numpy as np
from matplotlib.figure import Figure


def confusion_picture(confusion: np.ndarray, title: str) -> Figure:
    """Counts ``int [K, K]`` (rows actual, columns predicted), drawn as percentages of a row."""
    classes = len(confusion)
    percents = 100 * confusion / np.maximum(confusion.sum(axis=1, keepdims=True), 1)
    side = min(12, max(5, 0.5 * classes + 1))
    figure = Figure(figsize=(side + 1, side), layout="constrained")
    axes = figure.subplots()
    image = axes.imshow(percents, cmap="Blues", vmin=0, vmax=100)
    figure.colorbar(image, ax=axes, label="percent of the actual class", shrink=0.8)
    axes.set(xlabel="predicted", ylabel="actual", title=title)
    if classes <= 20:  # beyond, numbers would overlap
        axes.set(xticks=range(classes), yticks=range(classes))
        for (row, column), percent in np.ndenumerate(percents):
            colour = "white" if percent > 50 else "black"
            if percent:
                text = f"{percent:.1f}"
                axes.text(column, row, text, ha="center", va="center", color=colour, size=8)
    return figure
