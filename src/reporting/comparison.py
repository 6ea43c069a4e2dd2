"""The comparison of all trained recipes: a table and its summary."""

from dataclasses import asdict

import pandas as pd

from src.evaluation.statistics import mcnemar
from src.reporting.published import Judged


def compare(records: dict[str, dict], test: dict[str, dict], judged: list[Judged]) -> pd.DataFrame:
    """A row for each recipe, the best on validation first.

    Args:
        records: ``training.json`` of each recipe.
        test: ``metrics/test.json``.
        judged: verdicts on the published figures; empty where the data are not the author's.
    """
    rows = []
    for name, record in records.items():
        own = [each for each in judged if each.recipe == name]
        accuracies = [each for each in own if each.metric == "test_accuracy"]
        reproduced = sum(each.verdict == "reproduced" for each in own)
        rows.append(
            {
                "recipe": name,
                "parameters": record["parameters"],
                "epochs": record["epochs"],
                "seconds": record["seconds"],
                "validation_accuracy": record["val_accuracy"],
                "test_accuracy": test[name]["accuracy"],
                "ci_low": test[name]["ci_low"],
                "ci_high": test[name]["ci_high"],
                "published_accuracy": accuracies[-1].published if accuracies else None,
                "values_published": len(own),
                "values_reproduced": reproduced,
                "reproduced": ("yes" if reproduced == len(own) else "no") if own else "",
            }
        )
    table = pd.DataFrame(rows).sort_values(
        ["validation_accuracy", "recipe"], ascending=[False, True], ignore_index=True
    )
    return table


def validation_curves(histories: dict[str, list[dict[str, float]]]) -> pd.DataFrame:
    """A row for each recipe and validation, with the seconds of training up to it.

    Args:
        histories: the rows of ``history.csv`` of each recipe.
    """
    tables = [
        pd.DataFrame(rows).assign(recipe=name, seconds=lambda table: table.seconds.cumsum())
        for name, rows in histories.items()
    ]
    columns = ["recipe", "epoch", "seconds", "loss", "val_loss", "val_accuracy"]
    return pd.concat(tables, ignore_index=True)[columns]


def published_table(judged: list[Judged]) -> pd.DataFrame:
    """A row for each published figure."""
    return pd.DataFrame([asdict(each) for each in judged], columns=list(Judged.__annotations__))


def summarize(table: pd.DataFrame, dataset: dict, predictions: dict[str, pd.DataFrame]) -> dict:
    """The columns of ``dvc exp show``: the data, the best recipe and how sure that is.

    Args:
        table: as ``compare`` gives it.
        dataset: ``data/processed/dataset.json``.
        predictions: for the first two recipes of the table, their rows for each test image.
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
        summary["fallback_for"] = dataset["requested"]
        summary["note"] = (
            f"NOT {dataset['requested']}: scikit-learn's 1,797 digits stand in for it. To get "
            f"{dataset['requested']}, put its four IDX files into data/incoming, or connect to the "
            "network and run `dvc repro --force download`; then run `dvc repro`."
        )
    if len(table) > 1:
        right = [
            (predictions[name].actual == predictions[name].predicted).to_numpy()
            for name in table.recipe[:2]
        ]
        summary["runner_up"] = table.recipe[1]
        summary["runner_up_test_accuracy"] = table.test_accuracy[1]
        summary["runner_up_p_value"] = mcnemar(*right)
    return summary
