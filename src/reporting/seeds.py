"""Results over several seeds, which ``src.apps.seeds`` writes: ``metrics/seeds.csv``."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from src.common.errors import PipelineError
from src.common.paths import SEEDS
from src.config.recipe import results_key
from src.evaluation.statistics import mean_interval, welch
from src.evaluation.tables import TestResults

# Columns of metrics/seeds.csv: a row is the training of a recipe with a seed.
TYPES = {
    "dataset": str,
    "recipe": str,
    "key": str,  # of training and test split: see recipe.results_key
    "seed": int,
    "parameters": int,
    "epochs": float,
    "val_accuracy": float,
    "val_loss": float,
    "test_accuracy": float,  # this and the next are empty if the test split was not used
    "test_loss": float,
    # Of the averaged probabilities of this seed and all smaller ones; empty if these are not here.
    "ensemble_accuracy": float,
    "cold_start": float,  # seconds from the start of the process to the end of the first step
    "seconds": float,  # of all steps after the first, without validations
    "weights": str,  # the first characters of their SHA-256
}
SPREAD = ["recipe", "seeds", "seeds_mean", "seeds_stddev", "seeds_low", "seeds_high"]
SIGNIFICANT = 0.05


def load_seeds(path: Path = SEEDS) -> pd.DataFrame:
    """Read the results of all seeds; none if the file does not exist.

    Each seed of a training counts once: after a merge, the file can have it twice.

    Raises:
        PipelineError: the file cannot be read.
    """
    if not path.exists():
        return pd.DataFrame(columns=list(TYPES)).astype(TYPES)
    try:
        # Only "" is a missing value: a recipe can have the name `null`.
        table = pd.read_csv(path, dtype=TYPES, keep_default_na=False, na_values=[""])
        return table[list(TYPES)].drop_duplicates(["key", "seed"], keep="last", ignore_index=True)
    except (ValueError, KeyError) as error:  # a parser error of pandas is a ValueError
        reason = str(error).strip().splitlines()[0]
        raise PipelineError(
            f"{path} cannot be read ({reason}); correct it, or restore it with "
            f"`git checkout {path}`"
        ) from None


def accuracy_spread(values: Sequence[float]) -> tuple[float, float, float, float]:
    """``mean_interval`` of accuracies: the interval of the mean is within 0 and 1."""
    mean, stddev, low, high = mean_interval(values)
    return mean, stddev, max(low, 0.0), min(high, 1.0)  # of one seed, NaN remains


def spread_of_seeds(evaluations: Mapping[str, TestResults]) -> pd.DataFrame:
    """The spread of the test accuracy of recipes as they were trained: the columns ``SPREAD``.

    Only seeds with the same key count: the same recipe, settings, data for training and test, and
    code. A recipe without any has no row. ``seeds_low`` and ``seeds_high`` are the 95% interval of
    the mean.

    Raises:
        PipelineError: ``metrics/seeds.csv`` cannot be read.
    """
    table, rows = load_seeds(), []
    for name, results in evaluations.items():
        same = table[table.key == results_key(results.record, results.test_digest)]
        if values := same.test_accuracy.dropna().tolist():
            rows.append((name, len(values), *accuracy_spread(values)))
    return pd.DataFrame(rows, columns=SPREAD)


def seeds_text(row: Any) -> str:
    """A cell of the readable comparison: mean ± standard deviation (number of seeds)."""
    if pd.isna(row.seeds):
        return "–"
    spread = "" if pd.isna(row.seeds_stddev) else f" ± {row.seeds_stddev:.4f}"
    return f"{row.seeds_mean:.4f}{spread} ({row.seeds:.0f})"


def p_value_text(p_value: float) -> str:
    return f"p = {p_value:.2g}" if p_value else "p < 1e-300"  # 0: it is too small for a float


def seeds_sentences(table: pd.DataFrame) -> list[str]:
    """A sentence on whether the means of the two best recipes differ; none without two seeds each.

    ``table`` is the comparison, the best recipe first.
    """
    if "seeds" not in table or len(table) < 2 or table.seeds[:2].fillna(0).min() < 2:
        return []
    samples = [(row.seeds_mean, row.seeds_stddev, int(row.seeds)) for row in table[:2].itertuples()]
    p_value = welch(*samples)
    names = [
        f"{recipe} ({mean:.4f}, {count} seeds)"
        for recipe, (mean, _, count) in zip(table.recipe[:2], samples, strict=True)
    ]
    differ = "differ" if p_value < SIGNIFICANT else "do not differ"
    return [
        f"The mean test accuracies of {' and '.join(names)} {differ} by more than their "
        f"uncertainty (Welch's t-test, {p_value_text(p_value)})."
    ]
