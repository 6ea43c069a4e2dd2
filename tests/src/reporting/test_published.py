"""The rule that decides whether a published value is reproduced."""

import numpy as np
import pandas as pd
import pytest

from src.config.published_values import Published
from src.config.recipe import fingerprint
from src.evaluation import tables
from src.reporting.published import FAMILY_LEVEL, allowed_limits, compare_with_published
from tests.fixtures.training import RECIPES

RECIPE = RECIPES["mlp_dropout"]


def block(values, metric="test_accuracy", stddev=0.01, **content) -> Published:
    """Published values, all for the end of the training or, with a dict, for its epochs."""
    if not isinstance(values, dict):
        values = {f"end_{'x' * index}": value for index, value in enumerate(values)}
    stddevs = dict(zip(values, np.broadcast_to(stddev, len(values)).tolist(), strict=True))
    content = {"degrees_of_freedom": 18, "values": values, "stddev": stddevs} | content
    return Published.model_validate({"fingerprint": fingerprint(RECIPE), metric: content})


def verdicts(
    published, accuracy=0.83, losses=None, accuracies=None, dataset="mnist", **changes
) -> list[str]:
    history = [{"epoch": epoch, "loss": loss} for epoch, loss in (losses or {1.0: 2.0}).items()]
    by_epoch = pd.DataFrame((accuracies or {}).items(), columns=["epoch", "accuracy"])
    recipe = RECIPE.model_dump(exclude_none=True) | changes
    record, test = {"name": "x", "dataset": {"name": dataset}}, {"accuracy": accuracy}
    parts = record | {"recipe": recipe}, history, test, None, by_epoch, None, "test"
    results = compare_with_published(published, tables.TestResults(*parts))
    return [each.verdict for each in results]


def limits(level: float, *values, **content) -> list[tuple[float, float]]:
    return allowed_limits(block(*values, **content).metrics()[0], level)


# √2 × 0.001 × 2.1009, Student's t with 18 degrees of freedom, is 0.00297.
@pytest.mark.parametrize(
    ("ours", "verdict"),
    [
        (0.8296, "reproduced"),
        (0.8325, "reproduced"),
        (0.8327, "above"),
        (0.8267, "reproduced"),
        (0.8266, "below"),
    ],
)
def test_a_value_is_reproduced_within_the_difference_of_two_runs(ours, verdict):
    assert verdicts(block([0.8296], stddev=0.001), accuracy=ours) == [verdict]


def test_limits_are_wider_if_a_recipe_has_more_values():
    assert verdicts(block([0.83], stddev=0.001), accuracy=0.8330) == ["above"]
    assert verdicts(block([0.83, 0.5], stddev=0.001), accuracy=0.8330) == ["reproduced", "above"]


def test_a_value_with_two_digits_is_compared_at_two_digits():
    published = {"values": [0.87], "stddev": 0.0}
    for ours, verdict in ((0.8651, "reproduced"), (0.8749, "reproduced"), (0.8751, "above")):
        assert verdicts(block(rounding=0.01, **published), accuracy=ours) == [verdict]
    assert verdicts(block(**published), accuracy=0.8701) == ["above"]


def test_a_small_sample_has_the_limits_of_its_interval():
    # The exact 95% interval of 256 of 256 is 0.025^(1/256), or 0.9857, to 1.
    published = block([1.0], stddev=0.0, sample=256)
    for ours, verdict in ((0.9858, "reproduced"), (0.9856, "below"), (1.0, "reproduced")):
        assert verdicts(published, accuracy=ours) == [verdict]
    ((low, high),) = limits(0.95, [1.0], stddev=0.01, sample=256)
    assert low == pytest.approx(1 - np.hypot(1 - 0.98569, 0.0297), abs=1e-4)
    assert high == 1


@pytest.mark.parametrize("changes", [{"epochs": 11}, {"l2": 0.1}])
def test_values_of_a_changed_recipe_are_not_comparable(changes):
    assert verdicts(block([0.83, 0.1]), **changes) == ["not comparable"] * 2
    assert verdicts(block([0.83]), keep_epochs=False) == ["reproduced"]


def test_values_are_compared_at_their_epochs():
    published = block({1: 0.5, 2: 0.9, 3: 0.95, 4: 0.97})
    found = verdicts(published, accuracies={1.0: 0.6, 2.0: 0.7, 3.0: 0.95})
    assert found == ["above", "below", "reproduced", "not comparable"]


def test_other_datasets_have_no_published_values():
    assert verdicts(block([0.5]), dataset="digits") == []
    assert verdicts(Published(fingerprint="0" * 12)) == []


@pytest.mark.parametrize(
    ("correlation", "sample"),
    [(0.0, None), (0.9, None), pytest.param(0.0, 256, marks=pytest.mark.slow)],
)
def test_at_most_one_of_20_runs_of_the_same_program_is_not_reproduced(correlation, sample):
    """All values of a recipe together; with the standard deviation of 10 + 10 other runs."""
    random, values, failures = np.random.default_rng(0), 10, 0
    rounds = 1000 if sample is None else 200

    def runs(count: int) -> np.ndarray:
        common, own = random.normal(size=(count, 1)), random.normal(size=(count, values))
        return 0.99 + 0.001 * (np.sqrt(correlation) * common + np.sqrt(1 - correlation) * own)

    for _ in range(rounds):
        author, ours = runs(2)
        if sample:
            author = random.binomial(sample, author) / sample
        stddev = np.sqrt((runs(10).var(0, ddof=1) + runs(10).var(0, ddof=1)) / 2)
        level = FAMILY_LEVEL ** (1 / values)
        edges = limits(level, list(author), stddev=stddev, **({"sample": sample} if sample else {}))
        low, high = np.transpose(edges)
        failures += bool(((ours < low) | (ours > high)).any())
    assert failures / rounds < (0.06 if sample is None else 0.08)
    if not correlation and not sample:
        assert failures / rounds > 0.04  # and the limits are not wider than necessary
