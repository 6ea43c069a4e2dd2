"""Compare the original programs with our recipes, over many seeds.

The trainings take hours. Stop them at any time: the next call continues. To begin again, remove
``benchmarks/fidelity.csv``.
"""

from collections.abc import Iterator
from math import sqrt

import numpy as np
import pandas as pd
from scipy.stats import t, ttest_ind

from benchmarks.fidelity_charts import write_chart
from benchmarks.originals import PROGRAMS
from benchmarks.processes import ROOT
from benchmarks.seeds import load_results, run_missing
from src.config.params import load_params
from src.config.published_values import Published

PAGE = ROOT / "docs/fidelity.md"
CHARTS = ROOT / "docs/images"
SIGNIFICANT = 0.05
KEYS = ["recipe", "metric", "epoch"]  # of a value; the epoch is 0 at the end of the training
INTRODUCTION = """\
Each original program and each recipe was trained with {seeds} seeds. *s* is the standard deviation
between seeds. *p* is the result of Welch's two-sided t-test of the hypothesis that both programs
have the same mean, corrected for all {tests} tests by the method of Holm (Scandinavian Journal of
Statistics 6, 1979): only a p below {significant} shows a difference. All accuracies are on the
complete test split."""


def measure(repeat: int) -> Iterator[str]:
    """Ignores ``repeat``: ``benchmarks.seeds`` has the numbers of seeds."""
    for line in run_missing():
        print(line, flush=True)
    results = load_results()
    values = compare(results)
    seeds = values.groupby("recipe").seeds.first()
    least = seeds[seeds != seeds.max()].map("{:.0f}".format)
    counts = f"{seeds.max():.0f}" + "".join(f" ({name}: {count})" for name, count in least.items())
    yield INTRODUCTION.format(seeds=counts, tests=len(values), significant=SIGNIFICANT)
    yield from _summary(values, results)
    for recipe in PROGRAMS:
        own = (table[table.recipe == recipe] for table in (values, results))
        yield from _recipe_section(recipe, *own)


def compare(results: pd.DataFrame) -> pd.DataFrame:
    """One row per value: mean and standard deviation of both programs, and the test.

    The columns are ``KEYS``, ``seeds`` (the smaller number), ``mean_original``, ``mean_ours``,
    ``stddev_original``, ``stddev_ours``, ``stddev`` (of both, pooled), ``degrees_of_freedom`` (of
    it), ``p`` (corrected).
    """
    rows = []
    for key, group in results.fillna({"epoch": 0}).groupby(KEYS, sort=False):
        original, ours = (group.value[group.program == each] for each in ("original", "ours"))
        freedom = len(original) + len(ours) - 2
        squares = (len(original) - 1) * original.var() + (len(ours) - 1) * ours.var()
        rows.append(
            {
                **dict(zip(KEYS, key, strict=True)),
                "seeds": min(len(original), len(ours)),
                "mean_original": original.mean(),
                "mean_ours": ours.mean(),
                "stddev_original": original.std(),
                "stddev_ours": ours.std(),
                "stddev": sqrt(squares / freedom),
                "degrees_of_freedom": freedom,
                "p": ttest_ind(original, ours, equal_var=False).pvalue,
            }
        )
    table = pd.DataFrame(rows).sort_values(KEYS, ignore_index=True)
    return table.assign(p=holm(table.p.to_numpy()))


def holm(p: np.ndarray) -> np.ndarray:
    """Correct the p-values of several tests (Holm, Scandinavian Journal of Statistics 6, 1979)."""
    order = np.argsort(p)
    factors = len(p) - np.arange(len(p))
    corrected = np.empty_like(p)
    corrected[order] = np.minimum(1, np.maximum.accumulate(factors * p[order]))
    return corrected


def position(value: float, mean: float, stddev: float, seeds: int, sample: int | None) -> float:
    """The p-value of a published value as the result of one more run of a program.

    Its variance is that of a new run, and that of a random sample of images if there is one.
    """
    variance = stddev**2 * (1 + 1 / seeds) + (mean * (1 - mean) / sample if sample else 0)
    return float(2 * t.sf(abs(value - mean) / sqrt(variance), seeds - 1))


def spread(values: pd.DataFrame, published: Published) -> tuple[int, list[float]]:
    """Return ``degrees_of_freedom`` and each ``stddev`` for ``params.yaml``, with three digits.

    ``values`` are the rows of the recipe.
    """
    rows = _rows(values, published)
    return int(rows.degrees_of_freedom.iloc[0]), [float(f"{each:.3g}") for each in rows["stddev"]]


def _rows(values: pd.DataFrame, published: Published) -> pd.DataFrame:
    """The row of each published value."""
    epochs = [each.epoch or 0 for each in published.values]
    own = values[values.metric == published.metric].set_index("epoch")
    return own.loc[epochs].reset_index()


def _summary(values: pd.DataFrame, results: pd.DataFrame) -> Iterator[str]:
    yield "\nTest accuracy at the end, and the smallest p of all values of the recipe:\n"
    columns = ["recipe", "original", "s", "ours", "s", "smallest p", "difference"]
    yield from _header(columns, text={"recipe", "difference"})
    for recipe in PROGRAMS:
        own = values[values.recipe == recipe]
        final = own[own.metric == "test_accuracy"].iloc[-1]
        smallest = own.p.min()
        shown = "shown" if smallest < SIGNIFICANT else "not shown"
        yield _line([recipe, *_means(final), f"{smallest:.2g}", shown])
    trainings = results.drop_duplicates(["recipe", "program", "seed"])
    ours = trainings[trainings.program == "ours"].drop_duplicates(["recipe", "execution"])
    modes = ours.groupby("execution").recipe.agg(", ".join).items()
    yield f"\nOur recipes ran with: {'; '.join(f'{mode} ({names})' for mode, names in modes)}."
    hours = trainings.seconds.sum() / 3600
    yield f"\nThe {len(trainings)} trainings took {hours:.1f} hours, one per processor at a time."


def _recipe_section(recipe: str, values: pd.DataFrame, results: pd.DataFrame) -> Iterator[str]:
    published = load_params(ROOT / "params.yaml").models[recipe].published
    if not published:
        return
    yield f"\n### {recipe}\n"
    for each in published:
        if each.has_epochs():
            chart = CHARTS / f"fidelity_{recipe}.png"
            write_chart(chart, each, results[results.metric == each.metric])
            yield f"![The values of {recipe} by epoch]({chart.relative_to(PAGE.parent)})\n"
    columns = ["value", "published", "original", "s", "ours", "s", "s of both", "p"]
    yield from _header([*columns, "p in original", "p in ours"], text={"value"})
    for each in published:
        sample = getattr(each, "sample", None)
        for entry, (_, row) in zip(each.values, _rows(values, each).iterrows(), strict=True):
            name = each.metric.replace("_", " ") + (f", epoch {row.epoch}" if row.epoch else "")
            places = [
                position(entry.value, row[f"mean_{of}"], row[f"stddev_{of}"], row.seeds, sample)
                for of in ("original", "ours")
            ]
            numbers = [f"{row['stddev']:.3g}", *(f"{p:.2g}" for p in (row.p, *places))]
            yield _line([name, str(entry.value), *_means(row), *numbers])
    yield f"\n*s of both* has {int(values.degrees_of_freedom.iloc[0])} degrees of freedom."


def _means(row: pd.Series) -> list[str]:
    columns = ("mean_original", "stddev_original", "mean_ours", "stddev_ours")
    return [f"{row[column]:.4f}" for column in columns]


def _header(columns: list[str], text: set[str]) -> Iterator[str]:
    yield _line(columns)
    yield _line(["---" if column in text else "---:" for column in columns])


def _line(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"
