"""The comparison table, its summary, and the text of both."""

import json
import sys
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from src.common import paths
from src.common.errors import PipelineError
from src.evaluation import tables
from src.reporting import report
from src.reporting.comparison import Results, compare
from src.reporting.published import PublishedResult
from src.reporting.seeds import SPREAD

DATASET = {"name": "mnist", "requested": "mnist", "is_fallback": False}
FALLBACK = {"name": "digits", "requested": "mnist", "is_fallback": True}
PUBLISHED = [
    PublishedResult("poor", "training_loss", 1, 2.0, None, 2.1, 1.8, 2.2, "reproduced"),
    PublishedResult("poor", "test_accuracy", None, 0.7, 256, 0.5, 0.65, 0.75, "below"),
    PublishedResult("fair", "test_accuracy", 3, 0.85, None, None, 0.8, 1.0, "not comparable"),
]


def predictions(correct: list[bool]) -> pd.DataFrame:
    actual = [0, 1, 2] * (len(correct) // 3)
    return pd.DataFrame({"actual": actual, "predicted": np.where(correct, actual, 7)})


PREDICTIONS = {
    "good": predictions([True] * 10 + [False] * 2),
    "fair": predictions([False] * 10 + [True] * 2),
}


def evaluations(dataset: dict = DATASET, **metrics) -> dict:
    """The results of three recipes, on a dataset and with additional metrics."""
    found = {}
    accuracies = {"poor": (0.5, 0.5), "good": (0.9, 0.8), "fair": (0.8, 0.85)}
    for name, (validation, test) in accuracies.items():
        record = {"name": name, "parameters": 7850, "epochs": 2.0, "steps": 1100}
        record |= {"val_accuracy": validation, "dataset": dataset}
        own = {"accuracy": test, "ci_low": test - 0.1, "ci_high": test + 0.1, **metrics}
        own["weights_sha256"] = name
        rows = [{"epoch": 1.0, "loss": 0.5, "val_loss": 0.4, "val_accuracy": validation}]
        by_epoch = pd.DataFrame({"epoch": [1.0], "accuracy": [test]})
        per_class = pd.DataFrame({"class": [0], "label": ["null"]})
        parts = record, rows, own, PREDICTIONS.get(name), by_epoch, per_class, "test"
        found[name] = tables.TestResults(*parts)
    return found


def text_of(results: Results, **columns) -> str:
    return report.to_markdown(replace(results, table=results.table.assign(**columns)))


RESULTS = compare(evaluations(), PUBLISHED)


def test_the_best_on_validation_is_first_and_each_recipe_counts_its_reproduced_values():
    assert list(RESULTS.table.recipe) == ["good", "fair", "poor"]
    # The two best: each image is right for one of them. 2 × (C(12,0) + C(12,1) + C(12,2)) / 2^12
    assert RESULTS.table.p_value[1] == pytest.approx(2 * (1 + 12 + 66) / 4096)
    assert RESULTS.table.p_value.notna().tolist() == [False, True, False]
    table = RESULTS.table.set_index("recipe")
    assert table.reproduced.to_dict() == {"good": "", "fair": "not comparable", "poor": "no"}
    assert table.values_reproduced.to_dict() == {"good": 0, "fair": 0, "poor": 1}
    assert table.published_accuracy.poor == 0.7


def test_a_single_recipe_without_published_values_has_neither_runner_up_nor_their_columns():
    results = compare({"good": evaluations()["good"]}, [])
    text = report.to_markdown(results)
    assert results.table.p_value.isna().all() and "runner-up" not in text
    assert "published" not in text and "reproduced" not in {*text.split(), *results.summary}


def test_the_summary_has_the_test_accuracy_of_each_recipe_and_the_comparable_values():
    assert RESULTS.summary == {
        "best": "good",
        "dataset": "mnist",
        "reproduced": "1 of 2",
        "test": {"good": 0.8, "fair": 0.85, "poor": 0.5},
    }
    assert compare(evaluations(FALLBACK), PUBLISHED).summary["fallback_for"] == "mnist"
    assert "reproduced" not in compare(evaluations(), PUBLISHED[2:]).summary


def test_values_that_are_not_reproduced_or_not_comparable_are_named():
    text = report.to_markdown(RESULTS)
    assert (
        "poor: test accuracy: 0.5000 here, 0.7000 published, a difference of -0.2000: below the "
        "limits 0.6500 to 0.7500." in text
    )
    expected = "Not trained as published, so the published values are not comparable: fair.\n"
    assert expected in text
    assert "| 0.4000–0.6000 | 0.7 (256 images) | no, 1 of 2 |" in text
    assert "| 0.7500–0.9500 | 0.85 | not comparable |" in text
    assert "training_loss" not in text


def test_the_fallback_dataset_is_named_above_the_table(capsys):
    report.show(compare(evaluations(FALLBACK), PUBLISHED))
    shown = capsys.readouterr().out
    assert shown.index("NOT mnist") < shown.index("Recipes on digits")
    assert report.fallback_note("mnist") in shown


def test_all_files_are_written_and_read(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(PipelineError, match="data/predictions has no results; run `dvc repro ev"):
        tables.read_evaluations(paths.PREDICTIONS)
    paths.PREDICTIONS.mkdir(parents=True)
    for name, each in evaluations().items():
        tables.write_results(
            paths.PREDICTIONS / name, replace(each, predictions=PREDICTIONS["good"])
        )
    read = tables.read_evaluations(paths.PREDICTIONS)
    assert list(read) == ["fair", "good", "poor"]
    pd.testing.assert_frame_equal(read["fair"].per_class, evaluations()["fair"].per_class)
    report.write(RESULTS, read)
    assert json.loads(paths.TEST.read_text())["poor"] == evaluations()["poor"].metrics
    assert paths.PER_CLASS.read_text() == "recipe,class,label\n" + "".join(
        f"{name},0,null\n" for name in read
    )
    assert paths.TEST_BY_EPOCH.read_text().startswith("recipe,epoch,accuracy\nfair,1,0.85\n")
    assert paths.VALIDATION.read_text().splitlines()[2] == "good,1,0.5,0.4,0.9"
    report.show(RESULTS)
    shown = capsys.readouterr().out
    assert "fallback" not in shown
    monkeypatch.setattr(sys, "argv", ["report"])
    report.main()
    assert capsys.readouterr().out == f"{shown}\n{report.NEXT}\n"
    (paths.PREDICTIONS / "good/test.csv").write_text("")
    with pytest.raises(PipelineError, match=r"good cannot be read .*-f evaluate`"):
        tables.read_evaluations(paths.PREDICTIONS)


def test_a_recipe_that_is_no_better_than_the_most_frequent_class_is_named():
    assert "most frequent" not in report.to_markdown(RESULTS)
    assert RESULTS.table.baseline_accuracy.tolist() == [pytest.approx(1 / 3)] * 3
    poor = {"ci_low": [0.7, 0.3, 0.33], "steps": [5, 10, 12_000]}
    assert (
        "Not significantly better than always predicting the most frequent class (0.3333): "
        "fair (10 steps), poor (12,000 steps). An epoch of a small dataset has few steps: train "
        "for more epochs, or add images.\n" in text_of(RESULTS, **poor)
    )
    long = text_of(RESULTS, **poor | {"steps": 12_000})
    assert "fair (12,000 steps), poor (12,000 steps).\n" in long


def test_unequal_classes_and_warnings_about_the_data_are_in_the_text():
    text = report.to_markdown(RESULTS)
    assert "balanced" not in text and "Warning" not in text
    found = evaluations(balanced_accuracy=0.25, warnings=["leakage: 5 of 10 images"])
    results = compare(found, PUBLISHED)
    text = report.to_markdown(results)
    assert "| validation | test | balanced | 95% interval |" in text
    assert "| 0.9000 | 0.8000 | 0.2500 |" in text
    assert results.summary["warnings"] == ["leakage: 5 of 10 images"]
    assert "\nWarning: leakage: 5 of 10 images.\n" in text


def with_seeds(*rows: tuple) -> Results:
    return compare(evaluations(), [], pd.DataFrame(rows, columns=SPREAD))


GOOD = ("good", 5, 0.7945, 0.0003, 0.7941, 0.7949)
FAIR = ("fair", 4, 0.7951, 0.0004, 0.7945, 0.7957)
ONE_SEED = ("fair", 1, 0.7951, None, None, None)


def test_the_spread_over_seeds_is_shown_where_it_exists(tmp_path):
    results = with_seeds(GOOD)
    tables.write_csv(tmp_path / "comparison.csv", results.table)
    lines = (tmp_path / "comparison.csv").read_text().splitlines()
    assert lines[0].endswith(",seeds,seeds_mean,seeds_stddev,seeds_low,seeds_high")
    assert lines[1].endswith(",5,0.7945,0.0003,0.7941,0.7949")
    assert lines[2].endswith(",,,,,")
    for each in (results.table, pd.read_csv(tmp_path / "comparison.csv")):
        text = report.to_markdown(replace(results, table=each))
        assert "| test | 95% interval | mean of seeds |" in text
        assert "| 0.7945 ± 0.0003 (5) |" in text and text.count(" – |\n") == 2
        assert "uncertainty" not in text


def test_the_means_of_the_two_best_are_compared():
    # Welch: t = 0.0006 / √(0.0003² / 5 + 0.0004² / 4) = 2.491 with 5.45 degrees of freedom
    assert (
        "The mean test accuracies of good (0.7945, 5 seeds) and fair (0.7951, 4 seeds) do not "
        "differ by more than their uncertainty (Welch's t-test, p = 0.051)."
        in report.to_markdown(with_seeds(GOOD, FAIR))
    )
    assert "| 0.7951 (1) |" in report.to_markdown(with_seeds(ONE_SEED))
    assert "uncertainty" not in report.to_markdown(with_seeds(GOOD, ONE_SEED))
    assert "seeds" not in report.to_markdown(with_seeds())
    far = ("fair", 4, 0.7960, *FAIR[3:])
    assert "(0.7960, 4 seeds) differ by more" in report.to_markdown(with_seeds(GOOD, far))
