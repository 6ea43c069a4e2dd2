"""What the tutorials' authors printed, held against what this run gives.

The rules: an accuracy on n images is reproduced if ours is within the 95% Wilson interval of the
printed one, or above it; a training loss, if ours is within the metric's stated tolerance; a
restored accuracy, if the model as loaded by another process has the accuracy it was saved with.
"""

from dataclasses import dataclass
from typing import Literal

from src.config.published_values import Published, RestoredAccuracy, TestAccuracy
from src.evaluation.statistics import wilson_interval

Verdict = Literal["reproduced", "not reproduced", "not reached"]


@dataclass(frozen=True)
class Judged:
    """One printed metric beside ours: a row of ``metrics/published.csv``."""

    recipe: str
    metric: str
    epoch: int | None  # none: at the end of the training
    published: float
    ours: float | None  # none: the training ended before this epoch
    allowed_low: float
    allowed_high: float
    verdict: Verdict


def judge(
    name: str,
    published: list[Published],
    record: dict,
    loss_by_epoch: dict[float, float],
    test: dict[str, float],
    test_by_epoch: dict[float, float],
) -> list[Judged]:
    """A verdict on each metric that the author of recipe ``name`` printed.

    Args:
        name: of the recipe.
        published: its ``published`` block.
        record: its ``training.json``.
        loss_by_epoch: its training loss.
        test: its entry in ``metrics/test.json``.
        test_by_epoch: its test accuracy.
    """
    judged = []
    for each in published:
        if isinstance(each, RestoredAccuracy):
            saved = record["val_accuracy"]
            restored = test["restored_validation_accuracy"]
            judged.append(_verdict(name, each.metric, None, saved, restored, saved, saved))
            continue
        for value, epoch in zip(each.values, each.at_epochs or [None], strict=True):
            if isinstance(each, TestAccuracy):
                low, high = wilson_interval(value, each.images)[0], 1.0
                ours = test["accuracy"] if epoch is None else test_by_epoch.get(epoch)
            else:
                low, high = value * (1 - each.tolerance), value * (1 + each.tolerance)
                last = max(loss_by_epoch)
                ours = loss_by_epoch.get(last if epoch is None else epoch)
            judged.append(_verdict(name, each.metric, epoch, value, ours, low, high))
    return judged


def _verdict(
    name: str,
    metric: str,
    epoch: int | None,
    published: float,
    ours: float | None,
    low: float,
    high: float,
) -> Judged:
    if ours is None:
        verdict = "not reached"
    else:
        verdict = "reproduced" if low <= ours <= high else "not reproduced"
    return Judged(name, metric, epoch, published, ours, low, high, verdict)
