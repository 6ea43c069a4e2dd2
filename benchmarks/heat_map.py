"""A heat map of percentages whose columns have groups."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import PowerNorm
from matplotlib.figure import Figure
from matplotlib.image import AxesImage

from src.plots.charts import drawable

WIDTH, HEIGHT = 0.36, 0.36  # inches of a cell
GAP = 0.25  # between groups, in cells
LONGEST_BAR = 12  # of the colors, in cells
TICKS = [0, 1, 5, 10, 20, 40, 60, 80, 100]  # percent
DARK = 0.6  # of the range of colors; the text on darker cells is white
Group = tuple[str, Sequence[str]]  # its name, and the names of its columns


def heat_map_figure(
    percents: np.ndarray, row_names: Sequence[str], groups: Sequence[Group], title: str
) -> Figure:
    """Draw a cell for each value, with the value as text; NaN has neither color nor text.

    Args:
        percents: ``float [R, C]``, 0 to 100. The colors are those of the square roots, so that
            small percentages differ.
        row_names: of the R rows, from above.
        groups: adjacent columns, C in total. Names of groups can have several lines.
    """
    sizes = [len(columns) for _, columns in groups]
    if percents.shape != (len(row_names), sum(sizes)):
        wanted = f"[{len(row_names)}, {sum(sizes)}]"
        raise ValueError(f"percents must be {wanted}, not {list(percents.shape)}")
    centers = np.arange(sum(sizes)) + GAP * np.repeat(np.arange(len(groups)), sizes)
    width, height = centers[-1] + 1, len(row_names)
    figure = Figure((WIDTH * width + 3, HEIGHT * height + 1.8), dpi=120, layout="constrained")
    axes, norm = figure.subplots(), PowerNorm(0.5, 0, 100)
    image = _draw_colors(axes, percents, centers, sizes, norm)
    axes.set(xlim=(-0.5, centers[-1] + 0.5), ylim=(height - 0.5, -0.5))
    _write_values(axes, percents, centers, norm)
    _name_axes(axes, row_names, groups, centers, sizes)
    part = min(1, LONGEST_BAR / height)
    bar = figure.colorbar(image, ax=axes, pad=0.01, aspect=15, anchor=(0, 1), shrink=part)
    bar.set_ticks(TICKS)
    bar.set_label("percent")
    figure.suptitle(title)
    return figure


def _draw_colors(
    axes: Axes, percents: np.ndarray, centers: np.ndarray, sizes: Sequence[int], norm: PowerNorm
) -> AxesImage:
    """Draw an image for each group, and return the last one; all have the same colors."""
    bottom = len(percents) - 0.5
    for first, size in zip(np.cumsum([0, *sizes]), sizes, strict=False):
        own, left = percents[:, first : first + size], centers[first] - 0.5
        extent = (left, left + size, bottom, -0.5)
        image = axes.imshow(own, cmap="YlOrRd", norm=norm, extent=extent, aspect="auto")
    return image


def _write_values(axes: Axes, percents: np.ndarray, centers: np.ndarray, norm: PowerNorm) -> None:
    for row, column in np.argwhere(~np.isnan(percents)):
        value = percents[row, column]
        text = f"{value:.1f}" if value < 9.95 else f"{value:.0f}"
        color = "white" if norm(value) > DARK else "black"
        axes.text(centers[column], row, text, ha="center", va="center", color=color, size=8)


def _name_axes(
    axes: Axes,
    row_names: Sequence[str],
    groups: Sequence[Group],
    centers: np.ndarray,
    sizes: Sequence[int],
) -> None:
    """Rows on the left, columns below, groups above."""
    axes.set_yticks(range(len(row_names)), drawable(row_names))
    axes.set_xticks(centers, [name for _, columns in groups for name in columns], size=8)
    middles = [own.mean() for own in np.split(centers, np.cumsum(sizes)[:-1])]
    above = axes.secondary_xaxis("top")
    above.set_xticks(middles, [name for name, _ in groups], size=9)
    for each in (axes, above):
        each.tick_params(length=0)
        each.spines[:].set_visible(False)
