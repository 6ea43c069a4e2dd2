"""The comparison of all trained recipes: a table and a summary."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from src.evaluation.statistics import mcnemar
from src.evaluation.tables import TestResults
from src.reporting.published import NOT_COMPARABLE, PublishedResult


@dataclass(frozen=True)
class Results:
    """A comparison: the content of ``comparison.csv``, ``published.csv`` and ``summary.json``."""

    table: pd.DataFrame  # one row per recipe
    published: pd.DataFrame  # one row per published value
    summary: dict[str, Any]


def compare(
    evaluations: Mapping[str, TestResults],
    published: list[PublishedResult],
    seeds: pd.DataFrame | None = None,
) -> Results:
    """Compare all trained recipes, the best validation accuracy first.

    In the table, ``p_value`` is that of McNemar's test of the best recipe and the second, on the
    test images; ``baseline_accuracy`` is that of always predicting the most frequent class of them.
    There is a column ``balanced_accuracy`` if the sizes of the classes are very different.

    Args:
        evaluations: of each recipe.
        published: empty if there are none for the dataset.
        seeds: of ``spread_of_seeds``; None or no rows: the table has no columns for them.
    """
    rows = [
        _row(results, [each for each in published if each.recipe == name])
        for name, results in evaluations.items()
    ]
    order = ["validation_accuracy", "recipe"]
    table = pd.DataFrame(rows).sort_values(order, ascending=[False, True], ignore_index=True)
    first_two = [evaluations[name].predictions for name in table.recipe[:2]]
    baseline = first_two[0].actual.value_counts(normalize=True).max()
    correct = [(rows.actual == rows.predicted).to_numpy() for rows in first_two]
    p_values = pd.Series({1: mcnemar(*correct)} if len(correct) == 2 else {}, dtype=float)
    table = table.assign(p_value=p_values, baseline_accuracy=baseline)
    if seeds is not None and len(seeds):
        table = table.merge(seeds, how="left", on="recipe")
        table = table.astype({"seeds": "Int64"})  # an integer that can be missing
    values = pd.DataFrame(published, columns=list(PublishedResult._fields))
    return Results(table, values, _summary(table, evaluations))


def _row(results: TestResults, published: list[PublishedResult]) -> dict[str, Any]:
    record, test = results.record, results.metrics
    accuracies = [each for each in published if each.metric == "test_accuracy"]
    verdicts = {each.verdict for each in published}
    verdict = "no" if verdicts & {"above", "below"} else "yes" if verdicts else ""
    return {
        "recipe": record["name"],
        "parameters": record["parameters"],
        "epochs": record["epochs"],
        "steps": record["steps"],
        "validation_accuracy": record["val_accuracy"],
        "test_accuracy": test["accuracy"],
        **{key: value for key, value in test.items() if key == "balanced_accuracy"},
        "ci_low": test["ci_low"],
        "ci_high": test["ci_high"],
        "published_accuracy": accuracies[-1].published if accuracies else None,
        "published_sample": accuracies[-1].sample if accuracies else None,
        "values_published": len(published),
        "values_reproduced": sum(each.verdict == "reproduced" for each in published),
        "reproduced": NOT_COMPARABLE if NOT_COMPARABLE in verdicts else verdict,
    }


def _summary(table: pd.DataFrame, evaluations: Mapping[str, TestResults]) -> dict[str, Any]:
    """``metrics/summary.json``: the columns of ``dvc exp show``, few enough for a terminal.

    A recipe that was not trained is absent, so that ``dvc metrics diff`` compares a recipe with
    itself only.
    """
    best = evaluations[table.recipe[0]]
    dataset = best.record["dataset"]
    summary: dict[str, Any] = {"best": best.record["name"], "dataset": dataset["name"]}
    counts = table[table.reproduced.isin(["yes", "no"])][["values_reproduced", "values_published"]]
    if len(counts):
        summary["reproduced"] = " of ".join(map(str, counts.sum()))
    summary["test"] = dict(zip(table.recipe, map(float, table.test_accuracy), strict=True))
    if "warnings" in best.metrics:
        summary["warnings"] = best.metrics["warnings"]
    if dataset["is_fallback"]:
        summary["fallback_for"] = dataset["requested"]
    return summary
