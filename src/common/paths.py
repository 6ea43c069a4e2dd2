"""The paths of the project's files. Only this module and ``dvc.yaml`` contain them.

Stages run in the root of a checkout, or in the copy of a checkout that DVC makes for ``--temp`` and
queued experiments. Files that all experiments use are in the main checkout.
"""

import os
from pathlib import Path

PARAMS = Path("params.yaml")
RECIPES = Path("recipes.yaml")
PUBLISHED_VALUES = Path("published.yaml")
LOCK = Path("dvc.lock")
INCOMING = Path("data/incoming")
RAW = Path("data/raw")
PLAN = Path("data/plan")  # a file per family
PROCESSED = Path("data/processed")
# Subfolders of PROCESSED. A training depends on "training", and only ``evaluate`` on "test".
SPLIT_FOLDERS = {"train": "training", "validation": "training", "test": "test"}
MODELS = Path("models")  # models/<family>/<recipe>
LOGS = Path("logs")  # in the main checkout; TensorBoard's files, and MLflow's errors
PREDICTIONS = Path("data/predictions")
EXPORTED = Path("out")  # models in other formats
IMPORTED = EXPORTED / "imported.png"  # a contact sheet of a user's own images
SAMPLES = Path("plots/samples.png")
# Each folder contains an image per recipe.
RECIPE_PLOTS = tuple(Path("plots", of) for of in ("curves", "confusion", "mistakes", "first_layer"))
RELIABILITY = Path("plots/reliability.png")  # one image of all recipes
VALIDATION = Path("plots/validation.csv")
TEST = Path("metrics/test.json")
TEST_BY_EPOCH = Path("metrics/test_by_epoch.csv")
PER_CLASS = Path("metrics/per_class.csv")
COMPARISON = Path("metrics/comparison.csv")
COMPARISON_TEXT = Path("metrics/comparison.md")
PUBLISHED = Path("metrics/published.csv")
SUMMARY = Path("metrics/summary.json")
RECORDED_ON = Path("metrics/recorded_on.json")  # in git, but not a DVC output
SEEDS = Path("metrics/seeds.csv")  # in git, but not a DVC output: src.apps.seeds writes it
TIMING = Path("metrics/timing.csv")  # not a DVC output


def main_checkout() -> Path:
    """Return the checkout of the user, also if DVC runs the stage in a copy of it."""
    return Path(os.environ.get("DVC_ROOT", ".")).resolve()


def checkpoints() -> Path:
    """Return the folder of the checkpoints of all trainings, which is not a DVC output."""
    return main_checkout() / ".checkpoints"
