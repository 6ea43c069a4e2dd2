"""Measure how often trained models are wrong on corrupted test images.

``python -m src.apps.robustness``, or with the names of recipes, to measure only these.

The corruptions are those of ``src/evaluation/corruptions.py``. The results are in
``metrics/robustness.csv``, with a heat map in ``plots/robustness.png`` and examples in
``plots/corruptions.png``. Results of other recipes stay as long as their weights are the same.
After a change of a corruption, delete the table, and measure all recipes again.
"""

import argparse
from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from rich.console import Console
from rich.table import Table

from src.common import paths
from src.common.errors import PipelineError, run
from src.data.splits import load_dataset_info, load_split
from src.evaluation.corruptions import CORRUPTIONS, LEVELS, corrupt
from src.evaluation.robustness import MEAN, TEST_SETS, UNCHANGED, by_test_set, kept_rows, measure
from src.evaluation.tables import write_csv
from src.models import artifacts
from src.plots.contact_sheet import contact_sheet, write_png
from src.plots.heat_map import Group, heat_map_figure

Weights = dict[str, str]  # name of a recipe: SHA-256 of its weights
WIDEST = 7  # times as wide as high: of wider images, two do not fit into a column of the examples


def main() -> None:
    names = _names()
    trained = trained_weights()
    chosen = _choose(names, trained)
    others = {name: trained[name] for name in trained if name not in chosen}
    kept = kept_rows(paths.ROBUSTNESS, others)
    images, labels = load_split(paths.PROCESSED, "test")

    from src.models.device import choose_device

    choose_device("auto")
    from src.models.inference import Predictor

    predictors = {
        folder.name: Predictor(artifacts.load_model(folder, chosen[folder.name]))
        for folder in artifacts.trained_folders()
        if folder.name in chosen
    }
    table = measure(predictors, chosen, images, labels, Console(stderr=True))
    # The order within a recipe stays that of TEST_SETS.
    table = pd.concat([kept, table]).sort_values("recipe", kind="stable")
    write_csv(paths.ROBUSTNESS, table)
    wide = by_test_set(table)
    write_png(robustness_figure(wide), paths.ROBUSTNESS_PLOT)
    write_png(corruptions_figure(np.array(images[:2])), paths.CORRUPTIONS_PLOT)
    console = Console(highlight=False, markup=False, emoji=False, soft_wrap=True)
    console.print(summary(wide))
    console.print(f"written: {paths.ROBUSTNESS}, {paths.ROBUSTNESS_PLOT}, {paths.CORRUPTIONS_PLOT}")


def _names() -> list[str]:
    parser = argparse.ArgumentParser(
        prog="python -m src.apps.robustness",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    help_text = "name of a trained recipe (default: all of them)"
    parser.add_argument("recipes", nargs="*", metavar="RECIPE", help=help_text)
    return parser.parse_args().recipes


def trained_weights() -> Weights:
    """The recipes whose models are trained on the present data, and their weights.

    Raises:
        PipelineError: there are none, or a file is missing or damaged.
    """
    if not (folders := artifacts.trained_folders()):
        raise PipelineError("no model is trained yet; run `make repro`")
    dataset, found = load_dataset_info(paths.PROCESSED), {}
    for folder in folders:
        record = artifacts.load_record(folder)
        if all(record["dataset"][key] == dataset[key] for key in ("digest", "classes")):
            found[folder.name] = record["weights_sha256"]
    if not found:
        raise PipelineError(f"no model is trained on {dataset['name']} yet; run `make repro`")
    return found


def _choose(names: Sequence[str], trained: Weights) -> Weights:
    """The recipes with these names; all if there are no names."""
    for name in names:
        if name not in trained:
            raise PipelineError(
                f"there is no trained model {name!r}; the trained models are: {', '.join(trained)}"
            )
    return {name: trained[name] for name in names or trained}


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


def summary(wide: pd.DataFrame) -> Table:
    """The mean error of each recipe, and where it is worst."""
    table = Table("recipe", "unchanged", "mean of the corrupted", "worst", box=None, pad_edge=False)
    for column in table.columns[1:3]:
        column.justify = "right"
    for recipe, errors in wide.iterrows():
        name, level = worst = errors[TEST_SETS[1:]].idxmax()
        values = f"{errors[UNCHANGED]:.2%}", f"{errors[MEAN]:.2%}"
        table.add_row(str(recipe), *values, f"{errors[worst]:.2%} ({name}, strength {level})")
    return table


if __name__ == "__main__":
    run(main)
