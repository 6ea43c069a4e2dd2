"""Many small images in one figure."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure

from src.plots.names import drawable

if TYPE_CHECKING:
    import pandas as pd

INCHES = 0.75  # length of the longer side of an image
GAP = 0.08  # between images, as a fraction of that side
CAPTION_GAP = 0.6  # the same, for a row of captions
MAX_SIDE = 128  # pixels; at this size more would not be visible


def contact_sheet(
    images: np.ndarray,
    captions: Sequence[str] | None = None,
    columns: int = 10,
    row_names: Sequence[str] = (),
    title: str = "",
    cmap: str = "gray",
    limits: tuple[float, float] = (0, 255),
) -> Figure:
    """Draw images in rows, from left to right.

    Args:
        images: ``[N, H, W]``, N ≥ 1, of any dtype.
        captions: a text below each image.
        row_names: a text to the left of each row.
        cmap: name of a Matplotlib colormap.
        limits: the values of its first and last color.

    Raises:
        ValueError: there are no images, or the number of captions differs from that of images.
    """
    if images.ndim != 3 or not len(images):
        raise ValueError(f"images must be [N, H, W], N ≥ 1, not {list(images.shape)}")
    if captions is not None and len(captions) != len(images):
        raise ValueError(f"{len(captions)} captions for {len(images)} images")
    images = _reduced(images)
    height, width = images.shape[1:]
    sheet, corners = _tile(images, columns, GAP if captions is None else CAPTION_GAP)
    figure = _figure(sheet, INCHES / max(height, width), cmap, limits)
    (axes,) = figure.axes
    tops = [top + (height - 1) / 2 for top, _ in corners[::columns]]
    axes.set_yticks(tops[: len(row_names)], row_names)
    axes.set_title(title)
    for (top, left), caption in zip(corners, captions or (), strict=False):
        axes.text(left + width / 2, top + height, caption, ha="center", va="top", fontsize=8)
    return figure


def _tile(
    images: np.ndarray, columns: int, row_gap: float
) -> tuple[np.ndarray, list[tuple[int, int]]]:
    """``float32 [H, W]`` with all images, NaN between them, and the top left corner of each.

    One axes per image would take seconds to draw.
    """
    count, height, width = images.shape
    side = max(height, width)
    down, across = (n + max(1, round(side * gap)) for n, gap in ((height, row_gap), (width, GAP)))
    corners = [(i // columns * down, i % columns * across) for i in range(count)]
    sheet = np.full((-(-count // columns) * down, columns * across), np.nan, np.float32)
    for image, (top, left) in zip(images, corners, strict=True):
        sheet[top : top + height, left : left + width] = image
    return sheet, corners


def _figure(sheet: np.ndarray, inches: float, cmap: str, limits: tuple[float, float]) -> Figure:
    """A figure of ``sheet``, ``inches`` for each pixel, with axes but no lines around it."""
    size = sheet.shape[1] * inches + 1, sheet.shape[0] * inches + 0.6
    figure = Figure(size, dpi=120, layout="constrained")
    axes = figure.add_subplot()
    axes.imshow(sheet, cmap=cmap, vmin=limits[0], vmax=limits[1], interpolation="nearest")
    axes.spines[:].set_visible(False)
    axes.set_xticks([])
    axes.tick_params(length=0)
    return figure


def class_sheet(
    images: np.ndarray,
    labels: np.ndarray,
    names: Sequence[str],
    columns: int = 10,
    max_rows: int = 20,
) -> Figure:
    """Draw the first images of each class, one row per class.

    Images are ``uint8 [N, H, W]``, labels ``uint8 [N]``; ``names`` are those of the classes. If
    there are more than ``max_rows`` classes, only this many are drawn, and the title says so.
    """
    images = _reduced(images)
    classes = np.unique(labels)
    drawn = classes[:max_rows]
    sheet = np.zeros((len(drawn), columns, *images.shape[1:]), np.uint8)
    for row, label in zip(sheet, drawn, strict=True):
        chosen = images[np.flatnonzero(labels == label)[:columns]]
        row[: len(chosen)] = chosen
    title = f"The first {columns} images of each class"
    if len(drawn) < len(classes):
        title += f", {len(drawn)} of {len(classes)} classes"
    names = drawable(names)
    row_names = [names[label] for label in drawn]
    return contact_sheet(sheet.reshape(-1, *images.shape[1:]), None, columns, row_names, title)


def mistake_sheet(
    images: np.ndarray,
    predictions: "pd.DataFrame",
    names: Sequence[str],
    title: str,
    count: int = 20,
) -> Figure:
    """Draw at most ``count`` wrong predictions, those with the highest probability.

    Args:
        images: ``uint8 [N, H, W]``.
        predictions: one row per image: ``actual``, ``predicted``, ``probability``.
        names: of the classes.
    """
    wrong = predictions[predictions.actual != predictions.predicted]
    worst = wrong.sort_values("probability", ascending=False, kind="stable")[:count]
    if worst.empty:
        figure = Figure((6, 1), layout="constrained")
        figure.suptitle(f"{title}: no mistakes")
        return figure
    names = drawable(names)
    captions = [
        f"predicted {names[row.predicted]}\nactual {names[row.actual]}\n{row.probability:.2f}"
        for row in worst.itertuples()
    ]
    title = f"{title}: {len(wrong)} mistakes; the {len(worst)} with the highest probability"
    return contact_sheet(images[worst.index], captions, title=title)


def _reduced(images: np.ndarray) -> np.ndarray:
    """A view of every n-th pixel, so that no side is longer than ``MAX_SIDE``."""
    step = -(-max(images.shape[1:]) // MAX_SIDE)
    return images[:, ::step, ::step]


def write_png(figure: Figure, path: Path) -> None:
    """Write a figure as PNG; the same figure gives the same bytes."""
    figure.savefig(path, format="png", metadata={"Software": None})
