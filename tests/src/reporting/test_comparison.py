"""The comparison's table, its summary, and how both read."""

import numpy as np
import pandas as pd
import pytest

from src.reporting import comparison, report
from src.reporting.published import Judged

DATASET = {"name": "mnist", "requested": "mnist", "is_fallback": False}
STAND_IN = {"name": "digits", "requested": "mnist", "is_fallback": True}


def record(validation: float) -> dict:
    return {"parameters": 7850, "epochs": 2.0, "seconds": 1.5, "val_accuracy": validation}


RECORDS = {"poor": record(0.5), "good": record(0.9), "fair": record(0.8)}
TEST = {
    name: {"accuracy": accuracy, "ci_low": accuracy - 0.1, "ci_high": accuracy + 0.1}
    for name, accuracy in (("poor", 0.5), ("good", 0.8), ("fair", 0.85))
}
JUDGED = [
    Judged("poor", "training_loss", 1, 2.0, 2.1, 1.8, 2.2, "reproduced"),
    Judged("poor", "test_accuracy", None, 0.7, 0.5, 0.65, 1.0, "not reproduced"),
    Judged("fair", "test_accuracy", 3, 0.85, None, 0.8, 1.0, "not reached"),
]


def predictions(right: list[bool]) -> pd.DataFrame:
    return pd.DataFrame({"actual": 1, "predicted": np.where(right, 1, 0)})


PREDICTIONS = {
    "good": predictions([True] * 10 + [False] * 2),
    "fair": predictions([False] * 10 + [True] * 2),
}


def test_the_best_on_validation_comes_first_not_the_best_on_test():
    table = comparison.compare(RECORDS, TEST, [])
    assert list(table.recipe) == ["good", "fair", "poor"]
    assert comparison.summarize(table, DATASET, PREDICTIONS)["best"] == "good"


def test_each_recipe_has_its_verdict():
    table = comparison.compare(RECORDS, TEST, JUDGED).set_index("recipe")
    assert table.reproduced.to_dict() == {"good": "", "fair": "no", "poor": "no"}
    assert table.values_reproduced.to_dict() == {"good": 0, "fair": 0, "poor": 1}
    assert table.published_accuracy.poor == 0.7


def test_the_runner_up_is_tested_against_the_best():
    summary = comparison.summarize(comparison.compare(RECORDS, TEST, []), DATASET, PREDICTIONS)
    assert summary["runner_up"] == "fair"
    # all 12 images are right for one of them: 2 × (C(12,0) + C(12,1) + C(12,2)) / 2^12
    assert summary["runner_up_p_value"] == pytest.approx(2 * (1 + 12 + 66) / 4096)


def test_a_single_recipe_has_no_runner_up():
    table = comparison.compare({"good": RECORDS["good"]}, TEST, [])
    summary = comparison.summarize(table, DATASET, {"good": PREDICTIONS["good"]})
    assert "runner_up" not in summary


def told(dataset: dict) -> tuple[pd.DataFrame, pd.DataFrame, dict]:
    table = comparison.compare(RECORDS, TEST, JUDGED)
    return table, comparison.published_table(JUDGED), comparison.summarize(
        table, dataset, PREDICTIONS
    )  # fmt: skip


def test_the_text_names_both_numbers_of_a_figure_that_is_not_reproduced():
    text = report.to_markdown(*told(DATASET))
    assert "poor: test_accuracy not reproduced: published 0.7, here 0.5" in text
    assert "fair: test_accuracy at epoch 3 not reached: published 0.85" in text
    assert (
        "| poor | 7,850 | 2 | 1.5 | 0.5000 | 0.5000 | 0.4000–0.6000 | 0.7000 | no, 1 of 2 |" in text
    )
    assert "training_loss" not in text


def test_the_stand_in_is_named_over_the_table(capsys):
    report.show(*told(STAND_IN))
    shown = capsys.readouterr().out
    assert shown.index("NOT mnist") < shown.index("Recipes on digits")
    words = " ".join(shown.replace("│", " ").split())
    assert told(STAND_IN)[2]["note"] in words


def test_nothing_of_a_stand_in_where_there_is_none(capsys):
    report.show(*told(DATASET))
    assert "STAND-IN" not in capsys.readouterr().out
