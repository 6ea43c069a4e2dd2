"""The comparison of all trained recipes: a table and a summary."""

from dataclasses import asdict
from typing import Any

import pandas as pd

from src.evaluation.statistics import mcnemar
from src.models.record import Record
from src.reporting.published import PublishedResult


def comparison_table(
    records: dict[str, Record], test: dict[str, dict[str, Any]], published: list[PublishedResult]
) -> pd.DataFrame:
    """One row per recipe, the best validation accuracy first.

    Args:
        records: ``training.json`` of each recipe.
        test: ``metrics/test.json``.
        published: empty if there are none for the dataset.
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
    return pd.DataFrame(rows).sort_values(order, ascending=[False, True], ignore_index=True)


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
    table: pd.DataFrame, dataset: dict[str, Any], predictions: dict[str, pd.DataFrame]
) -> dict[str, Any]:
    """The columns of ``dvc exp show``: the dataset, the best recipe and the runner-up.

    Args:
        dataset: ``dataset.json`` of the preprocessed data.
        predictions: one row per test image, for the first two recipes of the table.
    """
    best = table.iloc[0]
    summary = {
        "dataset": dataset["name"],
        "best": best.recipe,
        "validation_accuracy": best.validation_accuracy,
        "test_accuracy": best.test_accuracy,
        "ci_low": best.ci_low,
        "ci_high": best.ci_high,
        "values_published": int(table.values_published.sum()),
        "values_reproduced": int(table.values_reproduced.sum()),
        "accuracy": dict(zip(table.recipe, table.test_accuracy, strict=True)),
    }
    if dataset["is_fallback"]:
        wanted = summary["fallback_for"] = dataset["requested"]
        summary["note"] = (
            f"NOT {wanted}: these results are for the fallback dataset, scikit-learn's 1,797 "
            f"digits. To use {wanted}, put its four IDX files into data/incoming, or connect to "
            "the network and run `dvc repro --force download`; then run `dvc repro`."
        )
    if len(table) > 1:
        tables = [predictions[name] for name in table.recipe[:2]]
        correct = [(each.actual == each.predicted).to_numpy() for each in tables]
        summary["runner_up"] = table.recipe[1]
        summary["runner_up_test_accuracy"] = table.test_accuracy[1]
        summary["runner_up_p_value"] = mcnemar(*correct)
    return summary
