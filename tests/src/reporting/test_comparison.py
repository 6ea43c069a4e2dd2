"""The comparison table, its summary, and the text of both."""

import numpy as np
import pandas as pd
import pytest

from src.common.files import write_json
from src.common.paths import TEST as TEST_FILE
from src.common.paths import TIMING
from src.evaluation.tables import write_csv
from src.reporting import comparison, report
from src.reporting.published import PublishedResult
from src.reporting.seeds import SUMMARY

DATASET = {"name": "mnist", "requested": "mnist", "is_fallback": False}
FALLBACK = {"name": "digits", "requested": "mnist", "is_fallback": True}


def record(name: str, validation: float) -> dict:
    return {
        "name": name,
        "parameters": 7850,
        "epochs": 2.0,
        "steps": 1100,
        "val_accuracy": validation,
    }


VALIDATION = {"poor": 0.5, "good": 0.9, "fair": 0.8}
RECORDS = {name: record(name, accuracy) for name, accuracy in VALIDATION.items()}
TEST = {
    name: {"accuracy": accuracy, "ci_low": accuracy - 0.1, "ci_high": accuracy + 0.1}
    for name, accuracy in (("poor", 0.5), ("good", 0.8), ("fair", 0.85))
}
PUBLISHED = [
    PublishedResult("poor", "training_loss", 1, 2.0, None, 2.1, 1.8, 2.2, "reproduced"),
    PublishedResult("poor", "test_accuracy", None, 0.7, 256, 0.5, 0.65, 0.75, "below"),
    PublishedResult("fair", "test_accuracy", 3, 0.85, None, None, 0.8, 1.0, "not reached"),
]


def predictions(correct: list[bool]) -> pd.DataFrame:
    actual = [0, 1, 2] * (len(correct) // 3)
    return pd.DataFrame({"actual": actual, "predicted": np.where(correct, actual, 7)})


PREDICTIONS = {
    "good": predictions([True] * 10 + [False] * 2),
    "fair": predictions([False] * 10 + [True] * 2),
}


def test_the_best_on_validation_comes_first_not_the_best_on_test():
    table = comparison.comparison_table(RECORDS, TEST, [], PREDICTIONS.get)
    assert list(table.recipe) == ["good", "fair", "poor"]
    assert comparison.summarize(table, DATASET, TEST)["best"]["recipe"] == "good"


def test_each_recipe_counts_its_reproduced_values():
    table = comparison.comparison_table(RECORDS, TEST, PUBLISHED, PREDICTIONS.get).set_index(
        "recipe"
    )
    assert table.reproduced.to_dict() == {"good": "", "fair": "no", "poor": "no"}
    assert table.values_reproduced.to_dict() == {"good": 0, "fair": 0, "poor": 1}
    assert table.published_accuracy.poor == 0.7


def test_the_runner_up_is_tested_against_the_best():
    table = comparison.comparison_table(RECORDS, TEST, [], PREDICTIONS.get)
    assert table.recipe[1] == "fair"
    # each image is correct for exactly one of them: 2 × (C(12,0) + C(12,1) + C(12,2)) / 2^12
    assert table.p_value[1] == pytest.approx(2 * (1 + 12 + 66) / 4096)
    assert table.p_value.notna().tolist() == [False, True, False]


def test_a_single_recipe_has_no_runner_up():
    records = {"good": RECORDS["good"]}
    table = comparison.comparison_table(records, TEST, [], PREDICTIONS.get)
    assert table.p_value.isna().all()
    assert "runner-up" not in report.to_markdown(
        table, comparison.published_table([]), comparison.summarize(table, DATASET, TEST)
    )


def test_the_results_of_the_best_recipe_come_first_in_the_summary():
    table = comparison.comparison_table(RECORDS, TEST, PUBLISHED, PREDICTIONS.get)
    summary = comparison.summarize(table, DATASET, TEST)
    assert list(summary) == sorted(summary)
    assert summary["best"] == {"recipe": "good", "test": 0.8, "validation": 0.9}
    assert summary["reproduced"] == "1 of 3"


def comparison_of(dataset: dict) -> tuple[pd.DataFrame, pd.DataFrame, dict]:
    table = comparison.comparison_table(RECORDS, TEST, PUBLISHED, PREDICTIONS.get)
    published = comparison.published_table(PUBLISHED)
    return table, published, comparison.summarize(table, dataset, TEST)


def test_the_text_shows_both_values_if_one_is_not_reproduced():
    text = report.to_markdown(*comparison_of(DATASET))
    assert (
        "poor: test accuracy: 0.5000 here, 0.7000 published, a difference of -0.2000: below the "
        "limits 0.6500 to 0.7500." in text
    )
    assert "fair: this training was too short for 1 of the published values, which are for " in text
    assert "| 0.4000–0.6000 | 0.7 (256 images) | no, 1 of 2 |" in text
    assert "training_loss" not in text


def test_the_fallback_dataset_is_named_above_the_table(capsys):
    report.show(*comparison_of(FALLBACK))
    shown = capsys.readouterr().out
    assert shown.index("NOT mnist") < shown.index("Recipes on digits")
    words = " ".join(shown.replace("│", " ").split())
    assert report.fallback_note("mnist") in words


def test_a_dataset_that_is_no_fallback_has_no_note(capsys):
    report.show(*comparison_of(DATASET))
    assert "FALLBACK" not in capsys.readouterr().out


def test_seconds_are_shown_for_the_weights_that_were_trained_here(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    report.show(*comparison_of(DATASET))
    assert "seconds" not in capsys.readouterr().out
    write_json(TEST_FILE, {name: {"weights_sha256": name} for name in TEST})
    rows = [("good", 1.0, "good"), ("good", 2.5, "good"), ("poor", 3.5, "other weights")]
    write_csv(TIMING, pd.DataFrame(rows, columns=["recipe", "seconds", "weights_sha256"]))
    report.show(*comparison_of(DATASET))
    cells = [line.replace("│", " ").split() for line in capsys.readouterr().out.splitlines()]
    shown = {line[0]: line[3] for line in cells if line and line[0] in TEST}
    assert shown == {"good": "2.5", "fair": "–", "poor": "–"}


def test_a_narrow_terminal_gets_the_most_important_columns(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(report.Console, "is_terminal", True)
    monkeypatch.setenv("COLUMNS", "64")
    report.show(*comparison_of(DATASET))
    header = capsys.readouterr().out.splitlines()[2]
    assert "recipe" in header and "reproduced" in header
    assert "parameters" not in header


def test_a_recipe_that_is_no_better_than_the_most_frequent_class_is_named():
    assert "most frequent" not in report.to_markdown(*comparison_of(DATASET))
    table, published, summary = comparison_of(DATASET)
    assert table.baseline_accuracy.tolist() == [pytest.approx(1 / 3)] * 3
    poor = table.assign(ci_low=[0.7, 0.3, 0.33], steps=[5, 10, 12_000])
    text = report.to_markdown(poor, published, summary)
    assert (
        "Not significantly better than always predicting the most frequent class (0.3333): "
        "fair (10 steps), poor (12,000 steps). An epoch of a small dataset has few steps: train "
        "for more epochs, or add images.\n" in text
    )
    long = report.to_markdown(poor.assign(steps=12_000), published, summary)
    assert "fair (12,000 steps), poor (12,000 steps).\n" in long


def test_the_balanced_accuracy_is_shown_if_the_classes_are_very_different():
    assert "balanced" not in report.to_markdown(*comparison_of(DATASET))
    test = {name: each | {"balanced_accuracy": 0.25} for name, each in TEST.items()}
    table = comparison.comparison_table(RECORDS, test, [], PREDICTIONS.get)
    summary = comparison.summarize(table, DATASET, TEST)
    text = report.to_markdown(table, comparison.published_table([]), summary)
    assert "| validation | test | balanced | 95% interval |" in text
    assert "| 0.9000 | 0.8000 | 0.2500 |" in text


def test_the_columns_of_published_values_are_left_out_if_there_are_none():
    table = comparison.comparison_table(RECORDS, TEST, [], PREDICTIONS.get)
    summary = comparison.summarize(table, DATASET, TEST)
    text = report.to_markdown(table, comparison.published_table([]), summary)
    assert "published" not in text and "reproduced" not in {*text.split(), *summary}


def test_warnings_about_the_data_are_in_the_text_and_the_summary():
    assert "Warning" not in report.to_markdown(*comparison_of(DATASET))
    test = {name: each | {"warnings": ["leakage: 5 of 10 images"]} for name, each in TEST.items()}
    table, published, _ = comparison_of(DATASET)
    summary = comparison.summarize(table, DATASET, test)
    assert summary["warnings"] == ["leakage: 5 of 10 images"]
    assert "\nWarning: leakage: 5 of 10 images.\n" in report.to_markdown(table, published, summary)


def test_a_p_value_that_is_too_small_for_a_float_is_not_zero():
    table, published, summary = comparison_of(DATASET)
    tiny = table.assign(p_value=[None, 0.0, None])
    assert "(McNemar's exact test, p < 1e-300)." in report.to_markdown(tiny, published, summary)


def with_seeds(*rows: tuple) -> tuple[pd.DataFrame, pd.DataFrame, dict]:
    seeds = pd.DataFrame(rows, columns=SUMMARY)
    table = comparison.comparison_table(RECORDS, TEST, [], PREDICTIONS.get, seeds)
    return table, comparison.published_table([]), comparison.summarize(table, DATASET, TEST)


GOOD = ("good", 5, 0.7945, 0.0003, 0.7941, 0.7949, 12.0)
FAIR = ("fair", 4, 0.7951, 0.0004, 0.7945, 0.7957, 12.0)
ONE_SEED = ("fair", 1, 0.7951, None, None, None, 12.0)


def test_the_spread_over_seeds_is_shown_where_it_exists(tmp_path):
    table, published, summary = with_seeds(GOOD)
    write_csv(tmp_path / "comparison.csv", table)
    lines = (tmp_path / "comparison.csv").read_text().splitlines()
    assert lines[0].endswith(",seeds,seeds_mean,seeds_stddev,seeds_low,seeds_high")
    assert lines[1].endswith(",5,0.7945,0.0003,0.7941,0.7949")
    assert lines[2].endswith(",,,,,")
    for each in (table, pd.read_csv(tmp_path / "comparison.csv")):
        text = report.to_markdown(each, published, summary)
        assert "| test | 95% interval | mean of seeds |" in text
        assert "| 0.7945 ± 0.0003 (5) |" in text and text.count(" – |\n") == 2
        assert "uncertainty" not in text


def test_one_seed_has_no_spread():
    assert "| 0.7951 (1) |" in report.to_markdown(*with_seeds(ONE_SEED))
    assert "uncertainty" not in report.to_markdown(*with_seeds(GOOD, ONE_SEED))


def test_without_seeds_there_are_no_columns_for_them():
    for rows in ([], [("other", *GOOD[1:])]):
        table, *others = with_seeds(*rows)
        expected = comparison.comparison_table(RECORDS, TEST, [], PREDICTIONS.get)
        pd.testing.assert_frame_equal(table, expected)
        assert "seeds" not in report.to_markdown(table, *others)


def test_the_means_of_the_two_best_are_compared():
    # Welch: t = 0.0006 / √(0.0003² / 5 + 0.0004² / 4) = 2.491 with 5.45 degrees of freedom
    assert (
        "The mean test accuracies of good (0.7945, 5 seeds) and fair (0.7951, 4 seeds) do not "
        "differ by more than their uncertainty (Welch's t-test, p = 0.051)."
        in report.to_markdown(*with_seeds(GOOD, FAIR))
    )
    far = ("fair", 4, 0.7960, *FAIR[3:])
    assert "(0.7960, 4 seeds) differ by more" in report.to_markdown(*with_seeds(GOOD, far))


def test_a_narrow_terminal_gets_no_column_for_seeds(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(report.Console, "is_terminal", True)
    for width, is_shown in ((50, False), (60, True)):
        monkeypatch.setenv("COLUMNS", str(width))
        report.show(*with_seeds(GOOD))
        assert ("mean of seeds" in capsys.readouterr().out) is is_shown
