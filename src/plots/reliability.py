"""The reliability diagrams of all models."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

COLUMNS = 4  # panels in a row
SIDE, GAP = 2.0, 0.5  # inches of a panel, and between panels
LEFT, RIGHT, TOP, BOTTOM = 0.8, 0.3, 0.9, 0.7  # inches around the panels
LARGEST = 150  # area of the point of a bin that has all images, in points²


def reliability_figure(tables: Mapping[str, tuple[pd.DataFrame, float]]) -> Figure:
    """Draw the accuracy of predictions against their confidence, a panel for each recipe.

    A point is a bin with images; its area grows with the root of their number. The points of a
    calibrated model are on the diagonal.

    Args:
        tables: by recipe: the result of ``calibration.reliability``, and the calibration error.
    """
    columns = min(COLUMNS, len(tables))
    figure, panels = _panels(-(-len(tables) // columns), columns)
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
    return figure


def _panels(rows: int, columns: int) -> tuple[Figure, np.ndarray]:
    """A figure with its panels, row by row; a constrained layout would need as much time again."""
    width = columns * (SIDE + GAP) - GAP + LEFT + RIGHT
    height = rows * (SIDE + GAP) - GAP + TOP + BOTTOM
    figure = Figure((width, height), dpi=100)
    place = {
        **{"left": LEFT / width, "right": 1 - RIGHT / width, "wspace": GAP / SIDE},
        **{"top": 1 - TOP / height, "bottom": BOTTOM / height, "hspace": GAP / SIDE},
    }
    panels = figure.subplots(
        rows, columns, sharex=True, sharey=True, squeeze=False, gridspec_kw=place
    )
    figure.suptitle("Reliability on the test images", y=1 - 0.15 / height, va="top")
    figure.supxlabel("confidence (predicted probability)", y=0.12 / height, va="bottom", size=10)
    figure.supylabel("accuracy", x=0.12 / width, ha="left", size=10)
    return figure, panels.ravel()
