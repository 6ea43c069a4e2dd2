"""The values that the authors of the tutorials published, compared with the values of this run.

A value is reproduced if it is as close to ours as two runs of the same program are to each other:

- The difference of two runs that differ in the seed only has the standard deviation √2 × s; s is
  the standard deviation between seeds in ``published.yaml``. The limits are t × √2 × s away from
  the published value, with t from Student's distribution.
- All values of a recipe together have a confidence level of at least 95%: each of the m values has
  the level 0.95^(1/m) (Šidák, JASA 62, 1967; for normal differences, whatever their correlation).
- If the author used a random sample of images, the published value also has the error of that
  sample: its exact interval at the same level. The two errors are independent, and are combined by
  the sum of squares, as in the method of variance estimates recovery (Zou and Donner, Statistics in
  Medicine 27, 2008).
- If the author printed a rounded value, the limits are half a unit of its last digit wider.
"""

from math import hypot, inf, sqrt
from typing import NamedTuple

from scipy.stats import t

from src.config.published_values import DATASET, Published, PublishedValues
from src.config.recipe import fingerprint, load_recipe
from src.evaluation.statistics import proportion_interval
from src.evaluation.tables import TestResults

FAMILY_LEVEL = 0.95
NOT_COMPARABLE = "not comparable"


class PublishedResult(NamedTuple):
    """A published value and ours: a row of ``metrics/published.csv``."""

    recipe: str
    metric: str
    epoch: int | None  # None: the end of the training
    published: float
    sample: int | None  # the number of random test images of the author; None: all
    ours: float | None  # None: there is none for this epoch
    allowed_low: float
    allowed_high: float
    verdict: str  # reproduced, above, below, or not comparable


def compare_with_published(published: Published, results: TestResults) -> list[PublishedResult]:
    """A result for each value that the author of a recipe published; empty on other datasets.

    ``results`` are those of the recipe.
    """
    blocks, record = published.metrics(), results.record
    if not blocks or record["dataset"]["name"] != DATASET:
        return []
    comparable = fingerprint(load_recipe(record["recipe"])) == published.fingerprint
    losses = {row["epoch"]: row["loss"] for row in results.history}
    ours = {
        "training_loss": losses | {None: losses[max(losses)]},
        "test_accuracy": dict(results.by_epoch.itertuples(index=False))
        | {None: results.metrics["accuracy"]},
    }
    level = FAMILY_LEVEL ** (1 / sum(len(each.values) for each in blocks))
    compared = []
    for each in blocks:
        limits = allowed_limits(each, level)
        for entry, (low, high) in zip(each.entries(), limits, strict=True):
            value = ours[each.metric].get(entry.epoch)
            row = record["name"], each.metric, entry.epoch, entry.value, each.sample, value
            verdict = NOT_COMPARABLE
            if comparable and value is not None:
                verdict = "below" if value < low else "above" if value > high else "reproduced"
            compared.append(PublishedResult(*row, low, high, verdict))
    return compared


def allowed_limits(published: PublishedValues, level: float) -> list[tuple[float, float]]:
    """The lowest and highest value of ours with which each published value is reproduced.

    ``level`` is the confidence level of a single value.
    """
    quantile = float(t.ppf((1 + level) / 2, published.degrees_of_freedom))
    highest = 1.0 if published.metric == "test_accuracy" else inf
    limits = []
    for each in published.entries():
        value, seeds = each.value, quantile * sqrt(2) * each.stddev
        low = high = value
        if sample := published.sample:
            count = round(value * sample)  # the printed digits identify the number of images
            value = count / sample
            low, high = proportion_interval(count, sample, level, method="exact")
        below = hypot(value - low, seeds) + published.rounding / 2
        above = hypot(high - value, seeds) + published.rounding / 2
        limits.append((max(0.0, value - below), min(highest, value + above)))
    return limits
