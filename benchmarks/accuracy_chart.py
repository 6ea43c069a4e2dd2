"""The plot of the error rates of recipes, by the size of the model and by the time of training."""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.text import Annotation, Text
from matplotlib.ticker import LogLocator, NullFormatter
from matplotlib.transforms import Bbox

COLORS = ("tab:orange", "tab:blue")  # of the groups
PANELS = {"parameters": "parameters", "seconds": "seconds of training"}  # column and label
LEAST_ERROR = 1e-3  # percent; a logarithmic axis has no place for 0
MARKER = 4  # points from the center of a marker that no label covers
# Where a label can be: its distance from the point in points, the nearest places first.
PLACES = [
    (x * distance, y * distance)
    for distance in (6, 12, 20, 30, 45)
    for x, y in ((1, 0), (-1, 0), (0, 1), (0, -1), (1, 1), (1, -1), (-1, 1), (-1, -1))
]


def accuracy_figure(table: pd.DataFrame) -> Figure:
    """Draw the error rate, 100% - accuracy, of each recipe. All axes are logarithmic; up is better.

    Args:
        table: a row for each recipe: ``recipe``; ``group``, the name of its color; ``parameters``;
            ``seconds`` of training, NaN if they are unknown; ``accuracy``; ``low`` and ``high``,
            the ends of its 95% interval, both NaN if they are unknown.
    """
    groups = list(dict.fromkeys(table.group))
    figure = Figure((11, 5.5), dpi=100, layout="constrained")
    panels = figure.subplots(1, len(PANELS), sharey=True)
    for axes, (column, label) in zip(panels, PANELS.items(), strict=True):
        for group, color in zip(groups, COLORS, strict=False):
            own = table[(table.group == group) & table[column].notna()]
            _draw(axes, own, column, group, color)
        axes.set(xscale="log", yscale="log", xlabel=label)
        axes.margins(0.15, 0.08)
        axes.grid(which="both", alpha=0.2)
    first = panels[0]
    first.set_ylabel("error rate on the test images (better is up)")
    first.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    first.yaxis.set_major_formatter("{x:g}%")
    first.yaxis.set_minor_formatter(NullFormatter())
    first.invert_yaxis()
    first.legend(loc="lower right")
    figure.draw_without_rendering()  # this decides where the axes are
    figure.set_layout_engine("none")  # labels must not move them
    for axes, column in zip(panels, PANELS, strict=True):
        _label(axes, table[table[column].notna()], column)
    return figure


def error_rate(accuracy: pd.Series) -> pd.Series:
    """The error rate in percent, at least ``LEAST_ERROR``."""
    return (100 * (1 - accuracy)).clip(lower=LEAST_ERROR)


def _draw(axes: Axes, rows: pd.DataFrame, column: str, group: str, color: str) -> None:
    """Draw the points of a group; those without an interval have no error bar."""
    middle = error_rate(rows.accuracy)
    bars = [middle - error_rate(rows.high), error_rate(rows.low) - middle]
    x, y, *ends = (each.clip(lower=0).to_numpy() for each in (rows[column], middle, *bars))
    axes.errorbar(x, y, ends, fmt="o", markersize=5, capsize=3, color=color, label=group)


def _label(axes: Axes, rows: pd.DataFrame, column: str) -> None:
    """Write the name of each recipe next to its point, where it covers the least."""
    # The best recipes first, so that the order of the rows does not matter.
    rows = rows.sort_values(["accuracy", "recipe"], ascending=False)
    low, high = rows.low.fillna(rows.accuracy), rows.high.fillna(rows.accuracy)
    bars = zip(rows[column], error_rate(low), error_rate(high), strict=True)
    margin = MARKER * axes.figure.dpi / 72  # in pixels
    taken = [legend.get_window_extent()] if (legend := axes.get_legend()) else []
    for x, bottom, top in bars:  # the bottom is below the top, because the axis is inverted
        corners = axes.transData.transform([(x, bottom), (x, top)])
        taken.append(Bbox(corners).padded(margin))
    for name, x, y in zip(rows.recipe, rows[column], error_rate(rows.accuracy), strict=True):
        line = {"arrowstyle": "-", "linewidth": 0.5, "color": "gray", "shrinkA": 0, "shrinkB": 3}
        text = axes.annotate(
            name, (x, y), (0, 0), textcoords="offset points", fontsize=8, arrowprops=line
        )
        costs: list[float] = []
        for place in PLACES:
            costs.append(_cost(_moved(text, place), axes.bbox, taken))
            if not costs[-1]:
                break
        taken.append(_moved(text, PLACES[costs.index(min(costs))]))


def _moved(text: Annotation, place: tuple[int, int]) -> Bbox:
    """Move a label, and return its box in pixels."""
    x, y = place
    text.set_position(place)
    text.set_horizontalalignment("left" if x > 0 else "right" if x < 0 else "center")
    text.set_verticalalignment("bottom" if y > 0 else "top" if y < 0 else "center")
    Annotation.get_window_extent(text)  # Matplotlib computes the position here
    return Text.get_window_extent(text)  # without the line to the point


def _cost(box: Bbox, axes: Bbox, taken: list[Bbox]) -> float:
    """The area of a label, in square pixels, that is on something else or outside of the axes."""

    def common(other: Bbox) -> float:
        both = Bbox.intersection(box, other)
        return both.width * both.height if both else 0.0

    outside = box.width * box.height - common(axes)
    return outside + sum(map(common, taken))
