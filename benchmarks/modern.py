"""The results of the recipes of docs/modern.md: its tables, and the chart of all recipes.

First run the programs that the page lists: they write the files in ``metrics/``. This program reads
them, measures the speed of predictions, and reads no test image.
"""

import shutil
from collections.abc import Iterator
from math import prod
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from benchmarks.accuracy_chart import accuracy_figure
from benchmarks.processes import ROOT
from benchmarks.timing import alternate
from src.common.errors import PipelineError
from src.common.files import read_json, write_json
from src.common.paths import (
    COMPARISON,
    PREDICTIONS,
    PROCESSED,
    RELIABILITY,
    SEEDS,
    SUMMARY,
    TEST,
    TIMING,
)
from src.common.tensorflow import keras
from src.config.recipe import TUTORIALS
from src.config.recipes import load_recipes
from src.data.splits import load_split
from src.evaluation.tables import read_evaluations
from src.models.artifacts import load_model, load_record, trained_folders
from src.models.device import choose_device
from src.models.inference import Predictor
from src.plots.contact_sheet import write_png
from src.reporting.seeds import accuracy_spread, load_seeds, spread_of_seeds

IMAGES = ROOT / "docs/images"
CHART = IMAGES / "modern.png"
# The test metrics of all recipes from one run of the pipeline; in git, but not a DVC output.
RECORD = ROOT / "metrics/modern.json"
INTRODUCTION = """\
### Accuracy

*Ours* is the test accuracy: mean ± standard deviation between seeds (number of seeds), then the 95%
interval of the mean. *Average* is that of the averaged probabilities of these seeds. *All images*:
trained on the validation images, too. *Seconds* is the median time of the training steps, *cold
start* that of the imports, the data and the compilation before them.

|recipe|target|published|ours|interval|average|parameters|seconds|cold start|
|---|---:|---:|---:|---:|---:|---:|---:|---:|"""
COST = """
### Cost of a prediction

*Images per second* is the median of {repeat} rounds, 1,000 images at a time, in float32 on this
machine.

|recipe|parameters|multiply-adds|size of the file|images per second|
|---|---:|---:|---:|---:|"""


class Goal(NamedTuple):
    """What the recipe should reach, and what others published."""

    target: str
    published: str


ALL_IMAGES = "cnn_best (all images)"
GOALS = {
    "lenet5": Goal("99.05%", "99.05%; 99.2% with distortions (LeCun et al. 1998)"),
    "cnn_quick": Goal("99.0% in 2.0 s", "99.04% in 0.76 s on a GPU (tuomaso/train_mnist_fast)"),
    "cnn_tiny": Goal(
        "99.55%, below 10,000 parameters",
        "99.4% with 7,070, 99.5% with 8,932 parameters, best epoch on the test split",
    ),
    ALL_IMAGES: Goal(
        "99.75%, average 99.80%",
        "99.83% in GPU days; 15 networks: 99.745 ± 0.020% (cdeotte/MNIST-CNN-99.75)",
    ),
}


def measure(repeat: int) -> Iterator[str]:
    """The tables, in this order; the chart is written too.

    Raises:
        PipelineError: a recipe is not in the last run of the pipeline, or lacks seeds.
    """
    test = read_json(ROOT / TEST, "compare")
    folders = {each.name: each for each in trained_folders() if each.name in test}
    records = {name: load_record(folder) for name, folder in folders.items()}
    if missing := ", ".join(load_recipes().keys() - records.keys()):
        raise PipelineError(
            f"{TEST} lacks {missing}; run `dvc exp run -S model=all`, and then this program"
        )
    mnist = load_seeds(ROOT / SEEDS).query("dataset == 'mnist'")
    # The networks of all images are not evaluated by the pipeline, so their key is not compared.
    present = {*spread_of_seeds(read_evaluations(ROOT / PREDICTIONS)).recipe, ALL_IMAGES}
    if missing := ", ".join(GOALS.keys() - (present & {*mnist.recipe})):
        raise PipelineError(f"{SEEDS} lacks {missing}; run `python -m src.apps.seeds` for each")
    write_json(RECORD, test)
    write_chart()
    shutil.copyfile(ROOT / RELIABILITY, IMAGES / RELIABILITY.name)
    yield INTRODUCTION
    for name, goal in GOALS.items():
        yield _row(name, *goal, *_results(mnist[mnist.recipe == name]))
    yield COST.format(repeat=repeat)
    costs = _costs([folders[name.split()[0]] for name in GOALS], repeat)
    for name, (products, rate) in costs.items():
        size = f"{test[name]['model_bytes'] / 1e6:.2f} MB"
        yield _row(name, f"{records[name]['parameters']:,}", f"{products:,}", size, f"{rate:,.0f}")


def _row(*cells: Any) -> str:
    return f"|{'|'.join(map(str, cells))}|"


def _results(seeds: pd.DataFrame) -> Iterator[str]:
    """The cells of a recipe after its goal; ``seeds`` are its rows in ``metrics/seeds.csv``."""
    accuracies = seeds.test_accuracy.dropna().tolist()
    mean, stddev, low, high = accuracy_spread(accuracies)
    yield f"{mean:.3%} ± {100 * stddev:.3f} ({len(accuracies)})"
    yield f"{low:.3%} to {high:.3%}"
    average = seeds.ensemble_accuracy.iloc[-1]
    yield "–" if np.isnan(average) else f"{average:.2%}"
    yield f"{seeds.parameters.iloc[-1]:,}"
    yield f"{seeds.seconds.median():,.1f}"
    yield f"{seeds.cold_start.median():.1f}"


def _costs(folders: list[Path], repeat: int) -> dict[str, tuple[int, float]]:
    """The products for one image, and the images per second, of each model."""
    choose_device("cpu")
    images = np.asarray(load_split(PROCESSED, "validation")[0])
    costs = {}
    for folder in folders:
        model = load_model(folder, load_record(folder)["weights_sha256"])
        predictor = Predictor(model)
        seconds = alternate({"": lambda predictor=predictor: predictor.logits(images)}, repeat)
        costs[folder.name] = multiply_adds(model), len(images) / median(seconds[""])
    return costs


def multiply_adds(model: keras.Model) -> int:
    """The number of products that the model adds up to predict the logits of one image.

    Counted are dense layers (inputs × units) and convolutions (positions × height × width × input
    channels / groups × filters), which need almost all of the time. Products with the zeros around
    an image count, too; biases, activations and all other layers do not.
    """
    return sum(
        prod(layer.output.shape[1:]) * prod(layer.kernel.shape[:-1])
        for layer in model.layers
        if isinstance(layer, keras.layers.Dense | keras.layers.Conv2D)
    )


def write_chart() -> None:
    """Write the chart of the recipes in ``metrics/comparison.csv``."""
    comparison, seeds = pd.read_csv(ROOT / COMPARISON), load_seeds(ROOT / SEEDS)
    seeds = seeds[seeds.dataset == read_json(ROOT / SUMMARY, "compare")["dataset"]]
    path = ROOT / TIMING
    timing = pd.read_csv(path) if path.exists() else pd.DataFrame(columns=["recipe", "seconds"])
    families = {name: each.family for name, each in load_recipes().items()}
    rows = chart_rows(comparison, seeds, timing, families)
    write_png(accuracy_figure(rows), CHART)


def chart_rows(
    comparison: pd.DataFrame, seeds: pd.DataFrame, timing: pd.DataFrame, families: dict[str, str]
) -> pd.DataFrame:
    """The table for ``accuracy_figure``.

    A recipe with seeds has their mean, its interval, and the median of their times. Another one has
    the result and the time of its only training, and no interval: that of ``comparison.csv`` is the
    uncertainty from the test images, which all recipes share, not from the seed. Unlike the times
    of seeds, its time includes the first step, which compiles, and the validations.

    Args:
        comparison: ``metrics/comparison.csv``.
        seeds: ``metrics/seeds.csv``, of the dataset of the comparison.
        timing: ``metrics/timing.csv``; its last row of a recipe has the complete time.
        families: of the recipes.
    """
    columns = ["seeds", "seeds_mean", "seeds_low", "seeds_high"]
    table = comparison.reindex(columns=[*comparison, *(set(columns) - {*comparison})])
    measured = table.recipe.map(seeds.groupby("recipe").seconds.median())
    single = table.recipe.map(
        timing.drop_duplicates("recipe", keep="last").set_index("recipe").seconds
    )
    has_seeds = table.seeds.notna()
    is_tutorial = table.recipe.map(families).isin(TUTORIALS)
    return pd.DataFrame(
        {
            "recipe": table.recipe,
            "group": is_tutorial.map({True: "tutorials", False: "modern"}),
            "parameters": table.parameters,
            "seconds": measured.where(has_seeds, single).astype(float),
            "accuracy": table.seeds_mean.where(has_seeds, table.test_accuracy),
            "low": table.seeds_low,
            "high": table.seeds_high,
        }
    ).sort_values("group", ascending=False, kind="stable")
