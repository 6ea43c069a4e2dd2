"""A chart of a published curve and the seeds of both programs."""

from math import sqrt
from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd

from src.config.published_values import PublishedValues, TrainingLoss

COLORS = {"original": "tab:orange", "ours": "tab:blue"}


def write_chart(path: Path, published: PublishedValues, results: pd.DataFrame) -> None:
    """Write the curve, and its difference from the mean of the original program.

    Losses have a logarithmic axis and a relative difference. ``results`` contains the values of one
    metric, with columns program, epoch and value.
    """
    statistics = results.groupby(["program", "epoch"]).value.agg(["mean", "std", "count"])
    reference, metric = statistics.loc["original"]["mean"], published.metric.replace("_", " ")
    figure, (curve, difference) = plt.subplots(1, 2, figsize=(11, 4), layout="constrained")
    _draw(curve, published, statistics, 0, 1)
    curve.set_ylabel(metric)
    curve.legend()
    if isinstance(published, TrainingLoss):
        curve.set_yscale("log")
        curve.yaxis.set_major_formatter("{x:g}")
        curve.yaxis.set_minor_formatter("{x:g}")
        _draw(difference, published, statistics, reference, reference)
        difference.set_ylabel(f"({metric} - mean of the original) / mean")
    else:
        _draw(difference, published, statistics, reference, 1)
        difference.set_ylabel(f"{metric} - mean of the original")
    for axes in (curve, difference):
        axes.set_xlabel("epoch")
        axes.xaxis.get_major_locator().set_params(integer=True)
    figure.savefig(path, dpi=90)
    plt.close(figure)


def _draw(
    axes: plt.Axes,
    published: PublishedValues,
    statistics: pd.DataFrame,
    subtract: pd.Series | int,
    divide: pd.Series | int,
) -> None:
    for program, color in COLORS.items():
        own = statistics.loc[program]
        label = f"{program}, {own['count'].iloc[0]} seeds: mean ± 2 s"
        edges = [(own["mean"] + side * own["std"] - subtract) / divide for side in (-2, 2)]
        style = {"color": color, "alpha": 0.25, "linewidth": 0}
        axes.fill_between(own.index, *edges, label=label, **style)
        axes.plot((own["mean"] - subtract) / divide, color=color)
    if sample := getattr(published, "sample", None):
        mean = statistics.loc["original"]["mean"]
        error = (mean * (1 - mean) / sample).map(sqrt)
        for side, label in ((-2, None), (2, f"± 2 s of a sample of {sample} images")):
            edge = (mean + side * error - subtract) / divide
            axes.plot(edge, ":", color="gray", label=label)
    author = pd.Series({each.epoch: each.value for each in published.entries()})
    axes.plot((author - subtract) / divide, "k.", label="author")
