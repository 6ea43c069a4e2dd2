"""The rules that decide whether a published value is reproduced."""

import pandas as pd
import pytest
from pydantic import TypeAdapter

from src.config.published_values import Published
from src.reporting.published import compare_with_published

RECORD = {"name": "x", "val_accuracy": 0.9, "dataset": {"name": "mnist"}}
TEST = {"accuracy": 0.83, "restored_validation_accuracy": 0.9}


def verdicts(
    published: dict, test=TEST, losses=None, accuracies=None, dataset="mnist"
) -> list[str]:
    history = [{"epoch": epoch, "loss": loss} for epoch, loss in (losses or {1.0: 2.0}).items()]
    by_epoch = pd.DataFrame((accuracies or {}).items(), columns=["epoch", "accuracy"])
    block = [TypeAdapter(Published).validate_python(published)]
    record = RECORD | {"dataset": {"name": dataset}}
    return [each.verdict for each in compare_with_published(block, record, history, test, by_epoch)]


@pytest.mark.parametrize(
    ("ours", "verdict"),
    [
        (0.8296, "reproduced"),
        (0.8222, "reproduced"),  # 0.8296 of 10,000 has the 95% interval 0.8221 to 0.8368
        (0.8220, "not reproduced"),
        (0.99, "reproduced"),  # better
    ],
)
def test_an_accuracy_is_reproduced_within_its_interval_or_above(ours, verdict):
    published = {"metric": "test_accuracy", "values": [0.8296], "images": 10000}
    assert verdicts(published, {**TEST, "accuracy": ours}) == [verdict]


def test_a_small_sample_has_a_wide_interval():
    published = {"metric": "test_accuracy", "values": [1.0], "images": 256}
    assert verdicts(published, {**TEST, "accuracy": 0.986}) == ["reproduced"]
    assert verdicts(published, {**TEST, "accuracy": 0.985}) == ["not reproduced"]


def test_accuracies_are_compared_at_their_epochs():
    published = {
        "metric": "test_accuracy",
        "values": [0.5, 0.9, 0.95],
        "at_epochs": [1, 2, 3],
        "images": 100,
    }
    found = verdicts(published, accuracies={1.0: 0.6, 2.0: 0.7})
    assert found == ["reproduced", "not reproduced", "not reached"]


@pytest.mark.parametrize(
    ("ours", "verdict"), [(1.1, "reproduced"), (0.9, "reproduced"), (1.11, "not reproduced")]
)
def test_a_loss_is_reproduced_within_its_tolerance(ours, verdict):
    published = {"metric": "training_loss", "values": [1.0], "at_epochs": [2], "tolerance": 0.1}
    assert verdicts(published, losses={1.0: 5.0, 2.0: ours}) == [verdict]


def test_a_loss_without_an_epoch_is_the_last_one():
    published = {"metric": "training_loss", "values": [1.0], "tolerance": 0.1}
    assert verdicts(published, losses={1.0: 5.0, 2.0: 1.0}) == ["reproduced"]


def test_a_restored_model_has_the_accuracy_of_the_saved_one():
    published = {"metric": "restored_accuracy"}
    assert verdicts(published) == ["reproduced"]
    changed = {**TEST, "restored_validation_accuracy": 0.8998}
    assert verdicts(published, changed) == ["not reproduced"]


def test_other_datasets_have_no_published_values():
    assert verdicts({"metric": "restored_accuracy"}, dataset="digits") == []
