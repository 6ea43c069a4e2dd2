"""The rules by which a printed figure counts as reproduced."""

import pytest
from pydantic import TypeAdapter

from src.config.published_values import Published
from src.reporting.published import judge

RECORD = {"val_accuracy": 0.9}
TEST = {"accuracy": 0.83, "restored_validation_accuracy": 0.9}


def verdicts(figure: dict, test=TEST, losses=None, accuracies=None) -> list[str]:
    published = [TypeAdapter(Published).validate_python(figure)]
    return [
        each.verdict
        for each in judge("x", published, RECORD, losses or {1.0: 2.0}, test, accuracies or {})
    ]


@pytest.mark.parametrize(
    ("ours", "verdict"),
    [
        (0.8296, "reproduced"),
        (0.8222, "reproduced"),  # 0.8296 of 10,000 has the 95% interval 0.8221 to 0.8368
        (0.8220, "not reproduced"),
        (0.99, "reproduced"),  # better
    ],
)
def test_an_accuracy_within_its_interval_or_above(ours, verdict):
    figure = {"metric": "test_accuracy", "values": [0.8296], "images": 10000}
    assert verdicts(figure, {**TEST, "accuracy": ours}) == [verdict]


def test_a_small_sample_has_a_wide_interval():
    figure = {"metric": "test_accuracy", "values": [1.0], "images": 256}
    assert verdicts(figure, {**TEST, "accuracy": 0.986}) == ["reproduced"]
    assert verdicts(figure, {**TEST, "accuracy": 0.985}) == ["not reproduced"]


def test_accuracies_of_single_epochs():
    figure = {
        "metric": "test_accuracy",
        "values": [0.5, 0.9, 0.95],
        "at_epochs": [1, 2, 3],
        "images": 100,
    }
    told = verdicts(figure, accuracies={1.0: 0.6, 2.0: 0.7})
    assert told == ["reproduced", "not reproduced", "not reached"]


@pytest.mark.parametrize(
    ("ours", "verdict"), [(1.1, "reproduced"), (0.9, "reproduced"), (1.11, "not reproduced")]
)
def test_a_loss_within_its_tolerance(ours, verdict):
    figure = {"metric": "training_loss", "values": [1.0], "at_epochs": [2], "tolerance": 0.1}
    assert verdicts(figure, losses={1.0: 5.0, 2.0: ours}) == [verdict]


def test_a_loss_at_the_end():
    figure = {"metric": "training_loss", "values": [1.0], "tolerance": 0.1}
    assert verdicts(figure, losses={1.0: 5.0, 2.0: 1.0}) == ["reproduced"]


def test_a_restored_model_has_the_accuracy_it_was_saved_with():
    figure = {"metric": "restored_accuracy"}
    assert verdicts(figure) == ["reproduced"]
    changed = {**TEST, "restored_validation_accuracy": 0.8998}
    assert verdicts(figure, changed) == ["not reproduced"]
