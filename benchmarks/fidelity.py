"""Compare the original programs with our recipes, over many seeds: docs/fidelity.md.

The trainings take hours. Stop them at any time: the next call continues. To begin again, remove
``benchmarks/fidelity.csv``.
"""

from collections.abc import Iterator
from math import sqrt

import numpy as np
import pandas as pd
from scipy.stats import ttest_ind

from benchmarks.fidelity_charts import write_chart
from benchmarks.originals import PROGRAMS
from benchmarks.processes import ROOT
from benchmarks.seeds import load_results, run_missing, wanted_trainings
from src.common.errors import PipelineError
from src.config.published_values import PublishedValues, load_published

PAGE = ROOT / "docs/fidelity.md"
CHARTS = ROOT / "docs/images"
SIGNIFICANT = 0.05
KEYS = ["recipe", "metric", "epoch"]  # of a value; the epoch is 0 at the end of the training
INTRODUCTION = """\
Each original program and each recipe was trained with {seeds} seeds. Our recipes ran with:
{executions}. The {trainings} trainings took {hours:.1f} hours in total; one runs on each processor.

The test accuracy at the end of the training, and the smallest p of a recipe. Of all {tests} values
that were compared, {significant_tests} differ significantly (p < {level}).

|recipe|original|ours|difference|smallest p of the recipe|
|---|---:|---:|---:|---:|"""


def measure(repeat: int) -> Iterator[str]:
    """Ignores ``repeat``: ``benchmarks.seeds`` has the numbers of seeds.

    Raises:
        PipelineError: results of a training are missing.
    """
    for line in run_missing():
        print(line, flush=True)
    results = load_results()
    values = compare(results)
    yield _introduction(values, results)
    for recipe in PROGRAMS:
        own = values[values.recipe == recipe]
        final = own[own.metric == "test_accuracy"].iloc[-1]
        cells = recipe, *_means(final), _difference(final), f"{own.p.min():.2g}"
        yield f"|{'|'.join(cells)}|"
    for recipe in PROGRAMS:
        yield from _charts(recipe, results[results.recipe == recipe])


def compare(results: pd.DataFrame) -> pd.DataFrame:
    """Compare the two programs in each value; a row for each.

    The columns are ``KEYS``, and ``mean``, ``stddev`` and ``seeds`` of both programs with the
    suffixes ``_original`` and ``_ours``; the pooled ``stddev`` and its ``degrees_of_freedom``; the
    95% interval of the difference of the means, ``difference_low`` and ``difference_high``; and
    ``p``, corrected.

    Raises:
        PipelineError: results of a training are missing.
    """
    found = set(results[["recipe", "program", "seed"]].itertuples(index=False, name=None))
    if missing := set(wanted_trainings()) - found:
        raise PipelineError(
            f"benchmarks/fidelity.csv lacks {len(missing)} trainings of the present recipes and "
            "programs; run `python -m benchmarks.run fidelity`"
        )
    rows = []
    for key, group in results.fillna({"epoch": 0}).astype({"epoch": int}).groupby(KEYS):
        original, ours = (group.value[group.program == each] for each in ("original", "ours"))
        degrees_of_freedom = len(original) + len(ours) - 2
        squares = (len(original) - 1) * original.var() + (len(ours) - 1) * ours.var()
        test = ttest_ind(ours, original, equal_var=False)
        interval = test.confidence_interval(0.95)
        row = dict(zip(KEYS, key, strict=True))
        for name, each in (("original", original), ("ours", ours)):
            statistics = {"mean": each.mean(), "stddev": each.std(), "seeds": len(each)}
            row |= {f"{column}_{name}": value for column, value in statistics.items()}
        row |= {"stddev": sqrt(squares / degrees_of_freedom)}
        row |= {"degrees_of_freedom": degrees_of_freedom, "p": test.pvalue}
        rows.append(row | {"difference_low": interval.low, "difference_high": interval.high})
    table = pd.DataFrame(rows)
    return table.assign(p=holm(table.p.to_numpy()))


def holm(p: np.ndarray) -> np.ndarray:
    """Correct the p-values of several tests (Holm, Scandinavian Journal of Statistics 6, 1979)."""
    order = np.argsort(p)
    factors = len(p) - np.arange(len(p))
    corrected = np.empty_like(p)
    corrected[order] = np.minimum(1, np.maximum.accumulate(factors * p[order]))
    return corrected


def spread(values: pd.DataFrame, published: PublishedValues) -> tuple[int, list[float]]:
    """Return ``degrees_of_freedom`` and each ``stddev`` for ``published.yaml``, with three digits.

    ``values`` are the rows of the recipe.
    """
    rows = _rows(values, published)
    return int(rows.degrees_of_freedom.iloc[0]), [float(f"{each:.3g}") for each in rows["stddev"]]


def _rows(values: pd.DataFrame, published: PublishedValues) -> pd.DataFrame:
    """The row of each published value."""
    epochs = [each.epoch or 0 for each in published.entries()]
    return values[values.metric == published.metric].set_index("epoch").loc[epochs].reset_index()


def _introduction(values: pd.DataFrame, results: pd.DataFrame) -> str:
    trainings = results.drop_duplicates(["recipe", "program", "seed"])
    ours = trainings[trainings.program == "ours"].drop_duplicates(["recipe", "execution"])
    executions = ours.groupby("execution").recipe.agg(", ".join).items()
    seeds = values.groupby("recipe").seeds_ours.first()
    fewer = "".join(f", {name} with {n}" for name, n in seeds[seeds < seeds.max()].items())
    return INTRODUCTION.format(
        seeds=f"{seeds.max()}{fewer and f' ({fewer[2:]})'}",
        executions="; ".join(f"{execution} ({recipes})" for execution, recipes in executions),
        trainings=len(trainings),
        hours=trainings.seconds.sum() / 3600,
        tests=len(values),
        significant_tests=int((values.p < SIGNIFICANT).sum()) or "none",
        level=SIGNIFICANT,
    )


def _charts(recipe: str, results: pd.DataFrame) -> Iterator[str]:
    """The chart of each metric of a recipe whose author published its values by epoch."""
    published = load_published().get(recipe)
    for each in published.metrics() if published else []:
        if any(value.epoch for value in each.entries()):
            chart = CHARTS / f"fidelity_{recipe}.png"
            write_chart(chart, each, results[results.metric == each.metric])
            yield f"\n![The values of {recipe} by epoch]({chart.relative_to(PAGE.parent)})"


def _means(row: pd.Series) -> list[str]:
    return [f"{row[f'mean_{of}']:.4f} ± {row[f'stddev_{of}']:.4f}" for of in ("original", "ours")]


def _difference(row: pd.Series) -> str:
    return f"{row.difference_low:+.4f} to {row.difference_high:+.4f}"
