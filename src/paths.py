"""Where things lie: each path here stands in ``dvc.yaml`` too, and nowhere else.

Stages run in the root of a checkout, or of the copy of one that DVC makes for ``--temp`` and
queued experiments; what all of them share lies in the main checkout.
"""

import os
from pathlib import Path

PARAMS = Path("params.yaml")
RAW = Path("data/raw")
RECIPES = Path("data/recipes")
PROCESSED = Path("data/processed")
MODELS = Path("models")
CHECKPOINTS = Path(".checkpoints")  # in the main checkout; no output of DVC's
UNSENT = Path(".unsent")  # what MLflow is still to get; in the main checkout too
LOGS = Path("logs")  # TensorBoard's; in the main checkout too
PREDICTIONS = Path("data/predictions")
SAMPLES = Path("plots/samples.png")
# In each, a picture of each recipe.
PICTURES = tuple(Path("plots", of) for of in ("curves", "confusion", "mistakes", "first_layer"))
VALIDATION = Path("plots/validation.csv")
TEST = Path("metrics/test.json")
TEST_BY_EPOCH = Path("metrics/test_by_epoch.csv")
PER_CLASS = Path("metrics/per_class.csv")
COMPARISON = Path("metrics/comparison.csv")
COMPARISON_TEXT = Path("metrics/comparison.md")
PUBLISHED = Path("metrics/published.csv")
SUMMARY = Path("metrics/summary.json")


def main_checkout() -> Path:
    """The checkout the user works in, also when DVC runs the stage in a copy of it."""
    return Path(os.environ.get("DVC_ROOT", ".")).resolve()
