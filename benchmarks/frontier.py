"""Draw the results of all recipes: ``docs/images/frontier.png``.

The values come from the files in ``metrics/``. ``make repro`` writes them, and
``python -m src.apps.seeds NAME COUNT`` the results over several seeds.
"""

import pandas as pd

from benchmarks.processes import ROOT
from src.common.files import atomic_file, read_json
from src.common.paths import COMPARISON, SEEDS, SUMMARY, TIMING
from src.plots.accuracy_charts import accuracy_figure
from src.plots.contact_sheet import write_png
from src.reporting.seeds import load_seeds

CHART = ROOT / "docs/images/frontier.png"
# The recipes of the five tutorials in the README.
TUTORIALS = (
    *("softmax", "softmax_normal", "mlp_200", "mlp_sigmoid"),
    *("mlp_65x2", "mlp_dropout", "mlp_ema", "cnn"),
)


def write_charts() -> None:
    """Write the chart of the recipes in ``metrics/comparison.csv``."""
    comparison, seeds = pd.read_csv(ROOT / COMPARISON), load_seeds(ROOT / SEEDS)
    seeds = seeds[seeds.dataset == read_json(ROOT / SUMMARY, "compare")["dataset"]]
    path = ROOT / TIMING
    timing = pd.read_csv(path) if path.exists() else pd.DataFrame(columns=["recipe", "seconds"])
    with atomic_file(CHART) as partial:
        write_png(accuracy_figure(chart_rows(comparison, seeds, timing)), partial)


def chart_rows(comparison: pd.DataFrame, seeds: pd.DataFrame, timing: pd.DataFrame) -> pd.DataFrame:
    """The table for ``accuracy_figure``.

    A recipe with seeds has their mean, its interval, and the median of their times. Another one has
    the result and the time of its only training, and no interval: that of ``comparison.csv`` is the
    uncertainty from the test images, which all recipes share, not from the seed. Unlike the times
    of seeds, its time includes the first step, which compiles, and the validations.

    Args:
        comparison: ``metrics/comparison.csv``.
        seeds: ``metrics/seeds.csv``, of the dataset of the comparison.
        timing: ``metrics/timing.csv``; its last row of a recipe has the complete time.
    """
    columns = ["seeds", "seeds_mean", "seeds_low", "seeds_high"]
    table = comparison.reindex(columns=[*comparison, *(set(columns) - {*comparison})])
    measured = table.recipe.map(seeds.groupby("recipe").seconds.median())
    single = table.recipe.map(
        timing.drop_duplicates("recipe", keep="last").set_index("recipe").seconds
    )
    has_seeds = table.seeds.notna()
    is_tutorial = table.recipe.isin(TUTORIALS)
    return pd.DataFrame(
        {
            "recipe": table.recipe,
            "group": is_tutorial.map({True: "tutorials", False: "frontier"}),
            "parameters": table.parameters,
            "seconds": measured.where(has_seeds, single).astype(float),
            "accuracy": table.seeds_mean.where(has_seeds, table.test_accuracy),
            "low": table.seeds_low,
            "high": table.seeds_high,
        }
    ).sort_values("group", ascending=False, kind="stable")
