"""A chart of a published curve and the seeds of both programs."""

from math import sqrt
from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd

from src.config.published_values import Published

COLORS = {"original": "tab:orange", "ours": "tab:blue"}


def write_chart(path: Path, published: Published, results: pd.DataFrame) -> None:
    """Write the curve, and its difference from the mean of the original program.

    ``results`` contains the values of one metric, with columns program, epoch and value.
    """
    statistics = results.groupby(["program", "epoch"]).value.agg(["mean", "std", "count"])
    reference = statistics.loc["original"]["mean"]
    author = pd.Series({each.epoch: each.value for each in published.values})
    figure, (curve, difference) = plt.subplots(1, 2, figsize=(11, 4), layout="constrained")
    for axes, base in ((curve, 0), (difference, reference)):
        for program, color in COLORS.items():
            own = statistics.loc[program]
            middle, label = (
                own["mean"] - base,
                f"{program}, {own['count'].iloc[0]} seeds: mean ± 2 s",
            )
            axes.fill_between(
                own.index, middle - 2 * own["std"], middle + 2 * own["std"],
                color=color, alpha=0.25, linewidth=0, label=label,
            )  # fmt: skip
            axes.plot(own.index, middle, color=color)
        sample = getattr(published, "sample", None)
        if sample:
            error = 2 * (reference * (1 - reference) / sample).map(sqrt)
            for side in (-1, 1):
                label = f"± 2 s of a sample of {sample} images" if side == 1 else None
                axes.plot(
                    reference.index, reference - base + side * error, ":", color="gray", label=label
                )
        axes.plot(author.index, author - base, "k.", label="author")
        axes.set_xlabel("epoch")
    metric = published.metric.replace("_", " ")
    curve.set_ylabel(metric)
    curve.legend()
    difference.set_ylabel(f"{metric} minus mean of the original")
    figure.savefig(path, dpi=90)
    plt.close(figure)
