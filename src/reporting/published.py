"""The values that the authors of the tutorials printed, compared with the values of this run.

The rules:
- An accuracy on n images is reproduced if ours is within the 95% Wilson interval of the published
  value, or above it.
- A training loss is reproduced if ours is within the tolerance that ``params.yaml`` states.
- A restored accuracy is reproduced if the model, loaded in another process, has the same validation
  accuracy as when it was saved.
"""

from dataclasses import dataclass
from typing import Any, Literal

import pandas as pd

from src.config.published_values import Published, RestoredAccuracy, TestAccuracy
from src.evaluation.statistics import wilson_interval
from src.models.record import Record

DATASET = "mnist"  # the published values are for this dataset
Verdict = Literal["reproduced", "not reproduced", "not reached"]


@dataclass(frozen=True)
class PublishedResult:
    """A published value and ours: a row of ``metrics/published.csv``."""

    recipe: str
    metric: str
    epoch: int | None  # None: the end of the training
    published: float
    ours: float | None  # None: the training ended before this epoch
    allowed_low: float
    allowed_high: float
    verdict: Verdict


def compare_with_published(
    published: list[Published],
    record: Record,
    history: list[dict[str, float]],
    test: dict[str, Any],
    test_by_epoch: pd.DataFrame,
) -> list[PublishedResult]:
    """A result for each value that the author of a recipe printed; empty on other datasets.

    Args:
        history: the rows of ``history.csv``.
        test: the recipe's entry in ``metrics/test.json``.
        test_by_epoch: its columns are ``epoch`` and ``accuracy``, on the test split.
    """
    if record["dataset"]["name"] != DATASET:
        return []
    accuracies = dict(test_by_epoch.itertuples(index=False))
    losses = {row["epoch"]: row["loss"] for row in history}
    rows: list[tuple[str, int | None, float, float | None, float, float]] = []
    for each in published:
        if isinstance(each, RestoredAccuracy):
            saved, restored = record["val_accuracy"], test["restored_validation_accuracy"]
            rows.append((each.metric, None, saved, restored, saved, saved))
            continue
        for value, epoch in zip(each.values, each.at_epochs or (None,), strict=True):
            if isinstance(each, TestAccuracy):
                low, high = wilson_interval(value, each.images)[0], 1.0
                ours = test["accuracy"] if epoch is None else accuracies.get(epoch)
            else:
                low, high = value * (1 - each.tolerance), value * (1 + each.tolerance)
                ours = losses.get(max(losses) if epoch is None else epoch)
            rows.append((each.metric, epoch, value, ours, low, high))
    return [PublishedResult(record["name"], *row, _verdict(*row[-3:])) for row in rows]


def _verdict(ours: float | None, low: float, high: float) -> Verdict:
    if ours is None:
        return "not reached"
    return "reproduced" if low <= ours <= high else "not reproduced"
