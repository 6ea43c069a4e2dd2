"""Many small images in one figure: samples, mistakes, and the weights of a first layer."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

from src.common.files import atomic_file
from src.plots.charts import drawable

if TYPE_CHECKING:
    import keras
    import pandas as pd

INCHES = 0.75  # length of the longer side of an image
GAP = 0.06  # inches between images
CAPTION_LINE = 0.15  # inches that a line of the captions needs, in addition
CHARACTER = 0.07  # inches that a character of a caption needs
ROW = 0.2  # inches that the name of a row needs
MAX_WIDTH = 10  # inches of all images in a row
MIN_WIDTH = 4  # inches of a figure, for its title
MAX_SIDE = 128  # pixels; at this size more would not be visible
MIN_SIDE = 5  # pixels of the longer side; gaps are whole pixels, and should be small
MAX_UNITS = 50  # of a first layer
MAX_CLASSES = 20  # of a class sheet


def contact_sheet(
    images: np.ndarray,
    captions: Sequence[str] = (),
    columns: int = 10,
    row_names: Sequence[str] = (),
    title: str = "",
    cmap: str = "gray",
    limits: tuple[float, float] = (0, 255),
) -> Figure:
    """Draw images in rows, from left to right; long captions make the rows shorter.

    Args:
        images: ``[N, H, W]``, N ≥ 1, of any dtype.
        captions: a text below each image, or none.
        row_names: a text to the left of each row.
        cmap: name of a Matplotlib colormap.
        limits: the values of its first and last color.
    """
    images = _resized(images)
    height, width = images.shape[1:]
    inches = INCHES / max(height, width)  # of a pixel
    below, caption_width = _caption_size(captions)
    down = max(height + _pixels(GAP + below, inches), _pixels(ROW if row_names else 0, inches))
    across = max(width + _pixels(GAP, inches), _pixels(caption_width, inches))
    left = (across - width - _pixels(GAP, inches)) // 2  # of an image in its cell
    columns = max(1, min(columns, int(MAX_WIDTH / (across * inches))))
    rows = -(-len(images) // columns)
    cells = np.full((rows * columns, down, across), np.nan, np.float32)
    cells[: len(images), :height, left : left + width] = images
    # One axes per image would take seconds to draw.
    sheet = cells.reshape(rows, columns, down, across).swapaxes(1, 2)
    figure = _figure(sheet.reshape(rows * down, columns * across), inches, cmap, limits)
    (axes,) = figure.axes
    axes.set_yticks([row * down + (height - 1) / 2 for row in range(len(row_names))], row_names)
    axes.set_title(title)
    for index, caption in enumerate(captions):
        row, column = divmod(index, columns)
        place = column * across + left + (width - 1) / 2, row * down + height
        axes.text(*place, caption, ha="center", va="top", fontsize=8)
    return figure


def _caption_size(captions: Sequence[str]) -> tuple[float, float]:
    """The height and the width that the largest caption needs, in inches."""
    lines = [caption.splitlines() for caption in captions] or [[]]
    characters = max(len(line) for caption in lines for line in [*caption, ""])
    return CAPTION_LINE * max(map(len, lines)), CHARACTER * characters


def _pixels(length: float, inches: float) -> int:
    """``length`` in pixels of the size ``inches``."""
    return max(1, round(length / inches))


def _figure(sheet: np.ndarray, inches: float, cmap: str, limits: tuple[float, float]) -> Figure:
    """A figure of ``sheet``, ``inches`` for each pixel, with axes but no lines around it."""
    size = max(MIN_WIDTH, sheet.shape[1] * inches + 1), sheet.shape[0] * inches + 0.6
    figure = Figure(size, dpi=120, layout="constrained")
    axes = figure.add_subplot()
    axes.imshow(sheet, cmap=cmap, vmin=limits[0], vmax=limits[1], interpolation="nearest")
    axes.spines[:].set_visible(False)
    axes.set_xticks([])
    axes.tick_params(length=0)
    return figure


def class_sheet(
    images: np.ndarray, labels: np.ndarray, names: Sequence[str], columns: int = 10
) -> Figure:
    """Draw the first images of each class, one row per class.

    Images are ``uint8 [N, H, W]``, labels ``uint8 [N]``; ``names`` are those of the classes. If
    there are more than ``MAX_CLASSES`` classes, only this many are drawn, and the title says so.
    """
    images, names = _resized(images), drawable(names)
    classes, sizes = np.unique(labels, return_counts=True)
    drawn, columns = classes[:MAX_CLASSES], min(columns, sizes[:MAX_CLASSES].max())
    sheet = np.full((len(drawn), columns, *images.shape[1:]), np.nan, np.float32)
    for row, label in zip(sheet, drawn, strict=True):
        chosen = images[np.flatnonzero(labels == label)[:columns]]
        row[: len(chosen)] = chosen
    title = f"The first {columns} images of each class"
    if len(drawn) < len(classes):
        title += f", {len(drawn)} of {len(classes)} classes"
    row_names = [names[label] for label in drawn]
    return contact_sheet(sheet.reshape(-1, *images.shape[1:]), (), columns, row_names, title)


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
        f"predicted {names[row.predicted]} ({row.probability:.0%}),\nactual {names[row.actual]}"
        for row in worst.itertuples()
    ]
    title += f"\n{len(wrong):,} mistake{'s' * (len(wrong) > 1)}"
    if len(worst) < len(wrong):
        title += f"; the {len(worst)} with the highest probability"
    return contact_sheet(images[worst.index], captions, columns=5, title=title)


def first_layer_figure(model: "keras.Model", names: Sequence[str], title: str) -> Figure:
    """Draw the weights of the first layer: of each unit if it is dense, otherwise of each filter.

    A unit of a dense layer has one weight for each pixel of the input ``uint8 [N, H, W]``.
    In a model without hidden layers, the units are the classes, with these ``names``.
    """
    layer = next(each for each in model.layers if each.weights)
    kernel = np.asarray(layer.kernel, np.float32)
    if kernel.ndim == 2:
        filters = kernel.T.reshape(-1, *model.input_shape[1:])
    else:
        filters = kernel[:, :, 0].transpose(2, 0, 1)
    classes = layer is model.layers[-1]
    drawn = filters[:MAX_UNITS]
    limit = float(np.quantile(np.abs(drawn), 0.995)) or 1.0
    figure = contact_sheet(
        drawn,
        drawable(names)[: len(drawn)] if classes else (),
        columns=5 if len(drawn) <= 10 else 10,
        cmap="RdBu",
        limits=(-limit, limit),
    )
    (axes,) = figure.axes
    figure.colorbar(axes.images[0], ax=axes, label="weight", pad=0.02)
    subtitle = "weights of each class" if classes else "weights of the first layer"
    if len(drawn) < len(filters):
        subtitle += f", {len(drawn)} of {len(filters)}"
    figure.suptitle(f"{title}: {subtitle}\n(blue: positive, red: negative)", fontsize=10)
    return figure


def _resized(images: np.ndarray) -> np.ndarray:
    """Every n-th pixel of large images, and each pixel several times of very small ones."""
    side = max(images.shape[1:])
    step, copies = -(-side // MAX_SIDE), -(-MIN_SIDE // side)
    reduced = images[:, ::step, ::step]  # a view
    return reduced.repeat(copies, 1).repeat(copies, 2) if copies > 1 else reduced


def write_png(figure: Figure, path: Path) -> None:
    """Write a figure as PNG, completely or not at all; the same figure gives the same bytes."""
    canvas = FigureCanvasAgg(figure)
    canvas.draw()  # once; savefig draws, and lays out, everything twice
    with atomic_file(path) as partial:
        Image.fromarray(np.asarray(canvas.buffer_rgba())[..., :3]).save(partial)
