"""The errors of all trained models on corrupted test images: a table and figures of docs/modern.md.

``metrics/robustness.csv`` has a row for each recipe and test set: ``recipe``; ``weights``, the
first characters of their SHA-256; ``corruption``; ``strength``, 1 to 3, or 0 for the unchanged
images, whose corruption is ``none``; and ``error``, the fraction of wrong predictions.
"""

from collections.abc import Iterator, Mapping

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from rich.progress import track

from benchmarks.corruptions import CORRUPTIONS, LEVELS, corrupt, corrupted_chunks
from benchmarks.heat_map import Group, heat_map_figure
from benchmarks.processes import ROOT
from src.common.errors import PipelineError
from src.common.paths import PROCESSED
from src.config.recipes import load_recipes, tutorials
from src.data.splits import load_split
from src.evaluation.tables import write_csv
from src.models import artifacts
from src.models.device import choose_device
from src.models.inference import Predictor
from src.plots.contact_sheet import contact_sheet, write_png

TABLE = ROOT / "metrics/robustness.csv"
IMAGES = ROOT / "docs/images"
UNCHANGED, MEAN = ("none", 0), ("mean", 0)
TEST_SETS = [UNCHANGED, *((name, level) for name in CORRUPTIONS for level in LEVELS)]
DIGITS = 12  # of the SHA-256 of the weights
WIDEST = 7  # times as wide as high: of wider images, two do not fit into a column of the examples
INTRODUCTION = """\
Errors in percent. Each value is the mean of three strengths; *shift 3* is a shift of three pixels,
in a random direction.

|recipe|unchanged|shift 3|"""


def measure(repeat: int) -> Iterator[str]:
    """Ignores ``repeat``: the corruptions are seeded. Writes the table, a heat map and examples.

    Raises:
        PipelineError: no model is trained, or a file is missing or damaged.
    """
    choose_device("cpu")
    images, labels = load_split(PROCESSED, "test")
    predictors, weights = {}, {}
    for folder in artifacts.trained_folders():
        weights[folder.name] = artifacts.load_record(folder)["weights_sha256"]
        predictors[folder.name] = Predictor(artifacts.load_model(folder, weights[folder.name]))
    if not predictors:
        raise PipelineError("no model is trained yet; run `make repro`")
    table = measure_errors(predictors, images, labels)
    digits = {name: each[:DIGITS] for name, each in weights.items()}
    table.insert(1, "weights", table.recipe.map(digits))
    write_csv(TABLE, table.sort_values("recipe", kind="stable"))
    wide = by_test_set(table)
    write_png(robustness_figure(wide), IMAGES / "robustness.png")
    write_png(corruptions_figure(np.array(images[:2])), IMAGES / "corruptions.png")
    yield f"{INTRODUCTION}{'|'.join(CORRUPTIONS)}|mean|"
    yield f"|---|{'---:|' * (len(CORRUPTIONS) + 3)}"
    recipes = load_recipes()
    shown = recipes.keys() - tutorials(recipes).keys()
    for name, errors in wide[wide.index.isin(shown)].iterrows():
        means = [errors[[(each, level) for level in LEVELS]].mean() for each in CORRUPTIONS]
        values = errors[UNCHANGED], errors["shift", 3], *means, errors[MEAN]
        yield f"|{name}|{'|'.join(f'{100 * value:.2f}' for value in values)}|"


def measure_errors(
    predictors: Mapping[str, Predictor], images: np.ndarray, labels: np.ndarray
) -> pd.DataFrame:
    """A row for each recipe and test set: ``recipe``, ``corruption``, ``strength``, ``error``.

    Args:
        predictors: of each recipe.
        images: ``uint8 [N, H, W]``, the test split.
        labels: ``uint8 [N]``.
    """
    rows = []
    for name, level in track(TEST_SETS, "predicting", transient=True):
        chunks = [images] if level == 0 else corrupted_chunks(images, name, level)
        wrong, first = dict.fromkeys(predictors, 0), 0
        for chunk in chunks:  # corrupted only once for all models
            actual = labels[first : first + len(chunk)]
            for recipe, predictor in predictors.items():
                wrong[recipe] += int((predictor.logits(chunk).argmax(axis=1) != actual).sum())
            first += len(chunk)
        rows += [(recipe, name, level, count / len(labels)) for recipe, count in wrong.items()]
    return pd.DataFrame(rows, columns=["recipe", "corruption", "strength", "error"])


def by_test_set(table: pd.DataFrame) -> pd.DataFrame:
    """A row per recipe, best first; a column per test set, and the mean of the corrupted ones."""
    wide = table.pivot(index="recipe", columns=["corruption", "strength"], values="error")
    wide = wide[TEST_SETS]
    wide[MEAN] = wide[TEST_SETS[1:]].mean(axis=1)
    return wide.sort_values([MEAN])


def robustness_figure(wide: pd.DataFrame) -> Figure:
    """The heat map of a table by test set."""
    groups: list[Group] = [("unchanged", [""])]
    for name, each in CORRUPTIONS.items():
        groups.append((f"{name}\n({each.unit})", [f"{value:g}" for value in each.strengths]))
    groups.append(("mean of the\ncorrupted", [""]))
    title = "Errors on corrupted test images, in percent"
    return heat_map_figure(100 * wide.to_numpy(), list(wide.index), groups, title)


def corruptions_figure(images: np.ndarray) -> Figure:
    """Draw at most two images ``uint8 [N, H, W]``, unchanged and at each strength.

    There is a row for each corruption.
    """
    if images.shape[2] > WIDEST * images.shape[1]:
        images = images[:1]
    drawn, captions = [], []
    for name, each in CORRUPTIONS.items():
        drawn += [images, *(corrupt(images, name, level) for level in LEVELS)]
        for caption in ("unchanged", *(f"{value:g}" for value in each.strengths)):
            captions += [caption] * len(images)
    names = [f"{name} ({each.unit})" for name, each in CORRUPTIONS.items()]
    columns, title = (1 + len(LEVELS)) * len(images), "Corruptions of the first test images"
    figure = contact_sheet(np.concatenate(drawn), captions, columns, names, title)
    figure.set_figwidth(figure.get_figwidth() + 1.3)  # for the long names on the left
    figure.axes[0].set_anchor("E")
    return figure
