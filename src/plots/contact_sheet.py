"""Many small pictures on one sheet."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure

if TYPE_CHECKING:
    import pandas as pd

INCHES = 0.62  # of a picture's longer side
GAP = 0.08  # between pictures, as a share of that side
CAPTION_GAP = 0.42
MAX_SIDE = 128  # more points than that would not show at this size


def contact_sheet(
    images: np.ndarray,
    captions: Sequence[str] | None = None,
    columns: int = 10,
    row_names: Sequence[str] | None = None,
    title: str | None = None,
    colours: str = "gray",
    limits: tuple[float, float] = (0, 255),
) -> Figure:
    """Draw pictures in rows, from left to right, light on dark as they are.

    Args:
        images: ``[N, H, W]``, N ≥ 1, of any type.
        captions: a text beneath each picture.
        columns: pictures in a row.
        row_names: a text left of each row.
        title: a text above all.
        colours: Matplotlib's name of a colour map.
        limits: the values that its first and last colour stand for.

    Raises:
        ValueError: no pictures, or not as many captions as pictures.
    """
    if images.ndim != 3 or not len(images):
        raise ValueError(f"pictures are [N, H, W], N ≥ 1, not {list(images.shape)}")
    images = _thinned(images)
    count, height, width = images.shape
    if captions is not None and len(captions) != count:
        raise ValueError(f"{len(captions)} captions for {count} pictures")
    rows = -(-count // columns)
    side = max(height, width)
    gap = max(1, round(side * GAP))
    down = height + (round(side * CAPTION_GAP) if captions is not None else gap)
    across = width + gap
    # One image for the whole sheet: an axes for each picture would take seconds to draw.
    sheet = np.full((rows * down, columns * across), np.nan, np.float32)
    for i, image in enumerate(images):
        top, left = i // columns * down, i % columns * across
        sheet[top : top + height, left : left + width] = image

    inches = INCHES / side
    figure = Figure(
        (sheet.shape[1] * inches + 1, sheet.shape[0] * inches + 0.6), dpi=120, layout="constrained"
    )
    axes = figure.add_subplot()
    axes.imshow(sheet, cmap=colours, vmin=limits[0], vmax=limits[1], interpolation="nearest")
    axes.spines[:].set_visible(False)
    axes.set_xticks([])
    axes.set_yticks(
        [row * down + (height - 1) / 2 for row in range(len(row_names or ()))], row_names or ()
    )
    axes.tick_params(length=0)
    if title:
        axes.set_title(title)
    for i, caption in enumerate(captions or ()):
        x, y = i % columns * across + width / 2, i // columns * down + height
        axes.text(x, y, caption, ha="center", va="top", fontsize=8)
    return figure


def class_sheet(
    images: np.ndarray, labels: np.ndarray, columns: int = 10, max_rows: int = 20
) -> Figure:
    """The first pictures of each class, one row a class.

    Args:
        images: ``uint8 [N, H, W]``.
        labels: ``uint8 [N]``.
        columns: pictures of each class.
        max_rows: with more classes than this, only the first ones are drawn, and the title says so.
    """
    images = _thinned(images)
    classes = np.unique(labels)
    drawn = classes[:max_rows]
    sheet = np.zeros((len(drawn), columns, *images.shape[1:]), np.uint8)
    for row, label in zip(sheet, drawn, strict=True):
        chosen = images[np.flatnonzero(labels == label)[:columns]]
        row[: len(chosen)] = chosen
    title = f"The first {columns} of each class"
    if len(drawn) < len(classes):
        title += f", for {len(drawn)} of {len(classes)} classes"
    names = [str(label) for label in drawn]
    return contact_sheet(sheet.reshape(-1, *images.shape[1:]), None, columns, names, title)


def mistake_sheet(
    images: np.ndarray, predictions: "pd.DataFrame", title: str, count: int = 20
) -> Figure:
    """The mistakes that the model was surest of, with actual and predicted class and probability.

    Args:
        images: ``uint8 [N, H, W]``.
        predictions: a row for each image: ``actual``, ``predicted``, ``probability``.
        count: at most so many.
    """
    wrong = predictions[predictions.actual != predictions.predicted]
    worst = wrong.sort_values("probability", ascending=False, kind="stable")[:count]
    if worst.empty:
        figure = Figure((6, 1), layout="constrained")
        figure.suptitle(f"{title}: no mistakes")
        return figure
    captions = [
        f"{row.actual}, not {row.predicted}\n{row.probability:.2f}" for row in worst.itertuples()
    ]
    told = f"{title}: {len(wrong)} mistakes; the {len(worst)} it was surest of"
    return contact_sheet(images[worst.index], captions, 10, None, told)


def _thinned(images: np.ndarray) -> np.ndarray:
    """A view with every so many points, so that neither side has more than ``MAX_SIDE``."""
    step = -(-max(images.shape[1:]) // MAX_SIDE)
    return images[:, ::step, ::step]


def write_png(figure: Figure, path: Path) -> None:
    """Write a figure as PNG; the same figure gives the same bytes."""
    figure.savefig(path, format="png", metadata={"Software": None})
