"""The comparison of all trained recipes: a table and a summary."""

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import pandas as pd

from src.evaluation.statistics import mcnemar
from src.models.record import Record
from src.reporting.published import PublishedResult
from src.reporting.seeds import with_seeds


def comparison_table(
    records: dict[str, Record],
    test: dict[str, dict[str, Any]],
    published: list[PublishedResult],
    predictions: Callable[[str], pd.DataFrame],
    seeds: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """One row per recipe, the best validation accuracy first.

    ``p_value`` is that of McNemar's test of the best recipe and the second, on the test images.
    ``baseline_accuracy`` is that of always predicting the most frequent class of the test images.
    There is a column ``balanced_accuracy`` if the sizes of the classes are very different.

    Args:
        records: ``training.json`` of each recipe.
        test: ``metrics/test.json``.
        published: empty if there are none for the dataset.
        predictions: returns the predictions of a recipe, one row per test image.
        seeds: of ``recorded_seeds``; None or no rows: the table has no columns for them.
    """
    rows = [
        _row(record, test[name], [each for each in published if each.recipe == name])
        for name, record in records.items()
    ]
    order = ["validation_accuracy", "recipe"]
    table = pd.DataFrame(rows).sort_values(order, ascending=[False, True], ignore_index=True)
    first_two = [predictions(name) for name in table.recipe[:2]]
    baseline = first_two[0].actual.value_counts(normalize=True).max()
    table = table.assign(p_value=_p_values(first_two), baseline_accuracy=baseline)
    return table if seeds is None else with_seeds(table, seeds)


def _row(record: Record, test: dict[str, Any], results: list[PublishedResult]) -> dict[str, Any]:
    accuracies = [each for each in results if each.metric == "test_accuracy"]
    reproduced = sum(each.verdict == "reproduced" for each in results)
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
        "values_published": len(results),
        "values_reproduced": reproduced,
        "reproduced": ("yes" if reproduced == len(results) else "no") if results else "",
    }


def _p_values(first_two: list[pd.DataFrame]) -> pd.Series:
    correct = [(each.actual == each.predicted).to_numpy() for each in first_two]
    return pd.Series({1: mcnemar(*correct)} if len(correct) == 2 else {}, dtype=float)


def validation_curves(histories: dict[str, list[dict[str, float]]]) -> pd.DataFrame:
    """One row per recipe and validation."""
    tables = [pd.DataFrame(rows).assign(recipe=name) for name, rows in histories.items()]
    columns = ["recipe", "epoch", "loss", "val_loss", "val_accuracy"]
    return pd.concat(tables, ignore_index=True)[columns]


def published_table(published: list[PublishedResult]) -> pd.DataFrame:
    """One row per published value."""
    columns = list(PublishedResult.__annotations__)
    return pd.DataFrame([asdict(each) for each in published], columns=columns)


def summarize(
    table: pd.DataFrame, dataset: dict[str, Any], test: dict[str, dict[str, Any]]
) -> dict[str, Any]:
    """The columns of ``dvc exp show``, few enough for a terminal; those of the best recipe first.

    Args:
        dataset: ``dataset.json`` of the preprocessed data.
        test: ``metrics/test.json``; the warnings about the data in it become part of the summary.
    """
    best, counts = table.iloc[0], table[["values_reproduced", "values_published"]].sum()
    summary = {
        "best": {
            "recipe": best.recipe,
            "test": best.test_accuracy,
            "validation": best.validation_accuracy,
        },
        "dataset": dataset["name"],
    }
    if counts.values_published:
        summary["reproduced"] = " of ".join(map(str, counts))
    if warnings := test[best.recipe].get("warnings"):
        summary["warnings"] = warnings
    return summary | ({"fallback_for": dataset["requested"]} if dataset["is_fallback"] else {})
