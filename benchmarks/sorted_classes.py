"""The test accuracy on MNIST if its training images are sorted by class."""

from collections.abc import Iterator

import numpy as np

from src.common.paths import PARAMS, RAW
from src.config.params import load_params
from src.config.recipe import Recipe
from src.config.recipes import load_recipes
from src.data.loader import Split
from src.ingest import catalog, idx
from src.ingest.classes import validation_images
from src.models.inference import Predictor
from src.models.metrics import accuracy
from src.training.execution import choose_execution
from src.training.trainer import Trainer

RECIPES = ("softmax", "mlp_sigmoid", "mlp_65x2")
# Name, whether the images are sorted, and data.split
CASES = (
    ("file order, `first`", False, "first"),
    ("file order, `stratified`", False, "stratified"),
    ("sorted by class, `stratified`", True, "stratified"),
)
INTRODUCTION = """\
Mean test accuracy (standard deviation) of {repeat} trainings; `train.seed` and `data.seed` are 1 to
{repeat}.

| images, `data.split` | {recipes} |
| --- | {columns} |"""


def test_accuracy(
    recipe: Recipe, training: Split, test: Split, is_sorted: bool, split: str, seed: int
) -> float:
    """Train on all training images except those of the validation split."""
    images, labels = training
    if is_sorted:
        order = np.argsort(labels, kind="stable")
        images, labels = images[order], labels[order]
    chosen = validation_images(labels, load_params(PARAMS).data.validation, split, seed)
    parts = [(images[own], labels[own]) for own in (~chosen, chosen)]
    execution = choose_execution(recipe, "cpu", "auto", "auto")
    classes, random = int(labels.max()) + 1, split == "first"
    model = Trainer(recipe, *parts, classes, seed, execution, in_random_order=random).run()
    return accuracy(Predictor(model.model).logits(test[0]), test[1])


def measure(repeat: int) -> Iterator[str]:
    """Train each recipe ``repeat`` times on MNIST in ``data/raw``, for each case."""
    arrays = [idx.read(RAW / name) for name in catalog.NAMES]
    recipes = load_recipes()
    yield INTRODUCTION.format(
        repeat=repeat, recipes=" | ".join(RECIPES), columns=" | ".join(["---:"] * len(RECIPES))
    )
    for name, is_sorted, split in CASES:
        cells = []
        for recipe in RECIPES:
            inputs = recipes[recipe], tuple(arrays[:2]), tuple(arrays[2:]), is_sorted, split
            values = [test_accuracy(*inputs, seed) for seed in range(1, repeat + 1)]
            cells.append(f"{np.mean(values):.4f} ({np.std(values, ddof=1):.4f})")
        yield f"| {name} | {' | '.join(cells)} |"
