"""The comparison of all trained recipes: a table and a summary."""

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import pandas as pd

from src.evaluation.statistics import mcnemar
from src.models.record import Record
from src.reporting.published import PublishedResult


def comparison_table(
    records: dict[str, Record],
    test: dict[str, dict[str, Any]],
    published: list[PublishedResult],
    predictions: Callable[[str], pd.DataFrame],
) -> pd.DataFrame:
    """One row per recipe, the best validation accuracy first.

    ``p_value`` is that of McNemar's test of the best recipe and the second, on the test images.

    Args:
        records: ``training.json`` of each recipe.
        test: ``metrics/test.json``.
        published: empty if there are none for the dataset.
        predictions: returns the predictions of a recipe, one row per test image.
    """
    rows = []
    for name, record in records.items():
        results = [each for each in published if each.recipe == name]
        accuracies = [each.published for each in results if each.metric == "test_accuracy"]
        reproduced = sum(each.verdict == "reproduced" for each in results)
        rows.append(
            {
                "recipe": name,
                "parameters": record["parameters"],
                "epochs": record["epochs"],
                "validation_accuracy": record["val_accuracy"],
                "test_accuracy": test[name]["accuracy"],
                "ci_low": test[name]["ci_low"],
                "ci_high": test[name]["ci_high"],
                "published_accuracy": accuracies[-1] if accuracies else None,
                "values_published": len(results),
                "values_reproduced": reproduced,
                "reproduced": ("yes" if reproduced == len(results) else "no") if results else "",
            }
        )
    order = ["validation_accuracy", "recipe"]
    table = pd.DataFrame(rows).sort_values(order, ascending=[False, True], ignore_index=True)
    return table.assign(p_value=_p_values([predictions(name) for name in table.recipe[:2]]))


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


def summarize(table: pd.DataFrame, dataset: dict[str, Any]) -> dict[str, Any]:
    """The columns of ``dvc exp show``, few enough for a terminal; those of the best recipe first.

    ``dataset`` is ``dataset.json`` of the preprocessed data.
    """
    best, counts = table.iloc[0], table[["values_reproduced", "values_published"]].sum()
    summary = {
        "best": {
            "recipe": best.recipe,
            "test": best.test_accuracy,
            "validation": best.validation_accuracy,
        },
        "dataset": dataset["name"],
        "reproduced": " of ".join(map(str, counts)),
    }
    return summary | ({"fallback_for": dataset["requested"]} if dataset["is_fallback"] else {})
