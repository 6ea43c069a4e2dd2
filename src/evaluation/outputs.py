"""The outputs of the evaluate stage: the results of each model, and plots."""

from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from os import isatty
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from rich.progress import track

from src.common import paths
from src.common.files import atomic_folder
from src.evaluation.evaluation import VOTES, Evaluation, disputed_rows
from src.evaluation.tables import write_results
from src.plots.charts import confusion_matrix_figure, curves_figure, reliability_figure
from src.plots.contact_sheet import contact_sheet, first_layer_figure, mistake_sheet, write_png


def write_outputs(evaluations: Iterable[Evaluation], count: int, images: np.ndarray) -> None:
    """Write all outputs of the evaluate stage; in a terminal, show the progress.

    The test images are ``uint8 [N, H, W]``. Only one of the ``count`` evaluations at a time is in
    memory.
    """
    calibration, disputed = {}, []
    with ExitStack() as stack:
        predictions = stack.enter_context(atomic_folder(paths.PREDICTIONS))
        plots = {path.name: stack.enter_context(atomic_folder(path)) for path in paths.RECIPE_PLOTS}
        for each in track(evaluations, "evaluate", count, transient=True, disable=not isatty(1)):
            name = each.record["name"]
            calibration[name] = each.reliability, each.metrics["ece"]
            disputed.append(disputed_rows(each.record["dataset"], each.predictions))
            title = f"{name}, test accuracy {each.metrics['accuracy']:.4f}"
            write_results(predictions / name, each)
            _write_plots(plots, each, images, title)
    write_png(reliability_figure(calibration), paths.RELIABILITY)
    write_png(disputed_sheet(images, disputed), paths.DISPUTED)


def _write_plots(plots: dict[str, Path], each: Evaluation, images: np.ndarray, title: str) -> None:
    name, class_names = each.record["name"], each.record["dataset"]["class_names"]
    figures = {
        "curves": curves_figure(each.history, name),
        "confusion": confusion_matrix_figure(each.confusion, class_names, title),
        "mistakes": mistake_sheet(images, each.predictions, class_names, title),
        "first_layer": first_layer_figure(each.model, class_names, name),
    }
    for kind, figure in figures.items():
        write_png(figure, plots[kind] / f"{name}.png")


def disputed_sheet(images: np.ndarray, rows: Sequence[pd.DataFrame]) -> Figure:
    """Draw the disputed images with their labels, and with the two most frequent predictions.

    Args:
        images: all test images, ``uint8 [N, H, W]``.
        rows: the result of ``disputed_rows`` for each model.
    """
    if rows[0].empty:
        figure = Figure((6, 1), layout="constrained")
        figure.suptitle("Only the test images of MNIST have a list of disputed labels.")
        return figure
    captions = []
    for number, label in rows[0].actual.items():
        counts = Counter(sorted(each.predicted[number] for each in rows))  # a class is a digit
        frequent = [f"{digit} by {count}" for digit, count in counts.most_common(2)]
        predicted = ", ".join([*frequent, "…"][: len(counts)])
        captions.append(f"{number}: label {label} ({VOTES[number]} votes)\npredicted {predicted}")
    models = f"{len(rows)} model{'s' * (len(rows) > 1)}"
    title = f"Labels with fewer than 3 of 5 votes of people, and the predictions of {models}"
    return contact_sheet(images[list(rows[0].index)], captions, columns=5, title=title)
