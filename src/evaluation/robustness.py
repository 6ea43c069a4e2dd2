"""The errors of models on corrupted test images, as a table.

A row is a recipe and a test set: ``recipe``, ``weights`` (the first characters of their SHA-256),
``corruption``, ``strength`` (1 to 3; 0 for the unchanged images, whose corruption is ``none``) and
``error``, the fraction of wrong predictions.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from rich.console import Console
from rich.progress import track

from src.common.errors import PipelineError
from src.evaluation.corruptions import CORRUPTIONS, LEVELS, corrupted_chunks

if TYPE_CHECKING:
    from src.models.inference import Predictor

UNCHANGED, MEAN = ("none", 0), ("mean", 0)
TEST_SETS = [UNCHANGED, *((name, level) for name in CORRUPTIONS for level in LEVELS)]
TYPES = {"recipe": str, "weights": str, "corruption": str, "strength": int, "error": float}
COLUMNS = list(TYPES)
DIGITS = 12  # of the SHA-256 of the weights


def measure(
    predictors: Mapping[str, "Predictor"],
    weights: Mapping[str, str],
    images: np.ndarray,
    labels: np.ndarray,
    console: Console,
) -> pd.DataFrame:
    """Return the rows of all test sets for some recipes.

    Args:
        predictors: of each recipe.
        weights: the SHA-256 of the weights of each recipe.
        images: ``uint8 [N, H, W]``, the test split.
        labels: ``uint8 [N]``.
        console: for the progress.
    """
    rows, shown = [], console.is_terminal
    for name, level in track(
        TEST_SETS, "predicting", console=console, transient=True, disable=not shown
    ):
        chunks = [images] if level == 0 else corrupted_chunks(images, name, level)
        wrong, first = dict.fromkeys(predictors, 0), 0
        for chunk in chunks:  # corrupted only once for all models
            own = labels[first : first + len(chunk)]
            for recipe, predictor in predictors.items():
                wrong[recipe] += int((predictor.logits(chunk).argmax(axis=1) != own).sum())
            first += len(chunk)
        for recipe, count in wrong.items():
            rows.append((recipe, weights[recipe][:DIGITS], name, level, count / len(labels)))
    return pd.DataFrame(rows, columns=COLUMNS)


def kept_rows(path: Path, weights: Mapping[str, str]) -> pd.DataFrame:
    """The rows of an earlier table for recipes with these weights, if no test set is missing.

    Raises:
        PipelineError: the file is not such a table.
    """
    try:
        # "none" must stay text, and so must a recipe that is named null.
        table = pd.read_csv(path, dtype=TYPES, usecols=COLUMNS, keep_default_na=False)
    except FileNotFoundError:
        return pd.DataFrame(columns=COLUMNS).astype(TYPES)
    except ValueError as error:
        reason = str(error).strip().partition("\n")[0]
        raise PipelineError(
            f"{path} is not a table of this program ({reason}); delete it, and start again"
        ) from None
    kept = []
    for name, rows in table.groupby("recipe"):
        is_complete = list(zip(rows.corruption, rows.strength, strict=True)) == TEST_SETS
        if is_complete and set(rows.weights) == {weights.get(str(name), "")[:DIGITS]}:
            kept.append(rows)
    return pd.concat([table[:0], *kept])[COLUMNS]


def by_test_set(table: pd.DataFrame) -> pd.DataFrame:
    """A row per recipe, best first; a column per test set, and the mean of the corrupted ones."""
    wide = table.pivot(index="recipe", columns=["corruption", "strength"], values="error")
    wide = wide[TEST_SETS]
    wide[MEAN] = wide[TEST_SETS[1:]].mean(axis=1)
    return wide.sort_values([MEAN])
