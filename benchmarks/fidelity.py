"""Compare the original programs with our recipes, over many seeds: docs/fidelity.md.

The trainings take hours. Stop them at any time: the next call continues. To begin again, remove
``benchmarks/fidelity.csv``.
"""

from collections.abc import Iterator
from math import sqrt

import numpy as np
import pandas as pd
from scipy.stats import binom, t, ttest_ind

from benchmarks.fidelity_charts import write_chart
from benchmarks.originals import PROGRAMS
from benchmarks.processes import ROOT
from benchmarks.seeds import load_results, run_missing, wanted_trainings
from src.common.errors import PipelineError
from src.config.published_values import PublishedValue, PublishedValues, load_published

PAGE = ROOT / "docs/fidelity.md"
CHARTS = ROOT / "docs/images"
SIGNIFICANT = 0.05
KEYS = ["recipe", "metric", "epoch"]  # of a value; the epoch is 0 at the end of the training
INTRODUCTION = """\
Each original program and each recipe was trained with {seeds} seeds. Our recipes ran with:
{executions}. The {trainings} trainings took {hours:.1f} hours in total; one runs on each processor.

The table shows the test accuracy at the end of the training (mean ± s), and the smallest p of all
{tests} values that were compared, of which {significant_tests} differ significantly (p < {level}).

| recipe | original | ours | difference | smallest p of the recipe |
| --- | ---: | ---: | ---: | ---: |"""


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
        yield f"| {' | '.join(cells)} |"
    for recipe in PROGRAMS:
        own = (table[table.recipe == recipe] for table in (values, results))
        yield from _published_values(recipe, *own)


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


def prediction_p_value(
    value: float, mean: float, stddev: float, seeds: int, sample: int | None, rounding: float
) -> float:
    """The two-sided p-value of a published value as the result of one more run of a program.

    The result of a new run has Student's distribution, with the variance s² × (1 + 1 / seeds). If
    the author used a random sample of images, the number of correct images in it is binomial.
    """
    scale = stddev * sqrt(1 + 1 / seeds)
    if not sample:
        distance = max(0.0, abs(value - mean) - rounding / 2)
        return float(2 * t.sf(distance / scale, seeds - 1))
    quantiles = t.ppf((np.arange(1000) + 0.5) / 1000, seeds - 1)
    accuracies, count = np.clip(mean + scale * quantiles, 0, 1), round(value * sample)
    lower = binom.cdf(count, sample, accuracies).mean()
    upper = binom.sf(count - 1, sample, accuracies).mean()
    return float(min(1.0, 2 * min(lower, upper)))


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


def _published_values(recipe: str, values: pd.DataFrame, results: pd.DataFrame) -> Iterator[str]:
    """The chart and the table of a recipe; nothing if its author published no values."""
    published = load_published().get(recipe)
    if not published:
        return
    yield f"\n### {recipe}\n"
    for each in published.metrics():
        if any(value.epoch for value in each.entries()):
            chart = CHARTS / f"fidelity_{recipe}.png"
            write_chart(chart, each, results[results.metric == each.metric])
            yield f"![The values of {recipe} by epoch]({chart.relative_to(PAGE.parent)})\n"
    columns = ["value", "published", "original", "ours", "difference", "p", "s of both"]
    columns += ["p in original", "p in ours"]
    yield f"| {' | '.join(columns)} |"
    yield f"| --- |{' ---: |' * (len(columns) - 1)}"
    for each in published.metrics():
        for entry, (_, row) in zip(each.entries(), _rows(values, each).iterrows(), strict=True):
            yield _published_value(each, entry, row)
    degrees = values.degrees_of_freedom.iloc[0]
    yield f"\nThe standard deviation *s of both* has {degrees} degrees of freedom."


def _published_value(published: PublishedValues, entry: PublishedValue, row: pd.Series) -> str:
    name = published.metric.replace("_", " ") + (f", epoch {row.epoch}" if row.epoch else "")
    sample = getattr(published, "sample", None)
    places = [
        prediction_p_value(
            entry.value, *(row[f"{column}_{of}"] for column in ("mean", "stddev", "seeds")),
            sample, published.rounding,
        )
        for of in ("original", "ours")
    ]  # fmt: skip
    cells = [name, str(entry.value), *_means(row), _difference(row), f"{row.p:.2g}"]
    cells += [f"{row['stddev']:.3g}", *(f"{place:.2g}" for place in places)]
    return f"| {' | '.join(cells)} |"


def _means(row: pd.Series) -> list[str]:
    return [f"{row[f'mean_{of}']:.4f} ± {row[f'stddev_{of}']:.4f}" for of in ("original", "ours")]


def _difference(row: pd.Series) -> str:
    return f"{row.difference_low:+.4f} to {row.difference_high:+.4f}"
