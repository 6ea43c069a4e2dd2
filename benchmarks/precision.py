"""Compare the accuracy in bfloat16 and float32, for the recipes trained in bfloat16 by default."""

from collections.abc import Iterator
from dataclasses import replace

from src.common.paths import PROCESSED
from src.config.recipes import load_recipes, tutorials
from src.data.splits import load_dataset_info, load_split
from src.models.device import choose_device
from src.training.execution import choose_execution
from src.training.trainer import Trainer

SEEDS = (1, 2, 3)
INTRODUCTION = """\
Validation accuracy at the end of training, in bfloat16 and in float32, for the recipes that
`train.precision: auto` trains in bfloat16 on this machine. Seeds {seeds}.

| recipe | bfloat16 | mean | float32 | mean |
| --- | --- | ---: | --- | ---: |"""


def measure(repeat: int) -> Iterator[str]:
    """Ignores ``repeat``: each recipe is trained once with each seed."""
    splits = load_split(PROCESSED, "train"), load_split(PROCESSED, "validation")
    classes = load_dataset_info(PROCESSED)["classes"]
    yield INTRODUCTION.format(seeds=", ".join(map(str, SEEDS)))
    for name, recipe in tutorials(load_recipes()).items():
        execution, cells = choose_execution(recipe, choose_device("cpu"), "auto", "auto"), []
        if execution.precision == "float32":
            continue
        for precision in ("bfloat16", "float32"):
            own = replace(execution, precision=precision)
            accuracies = [
                Trainer(recipe, *splits, classes, seed, own).run().history[-1]["val_accuracy"]
                for seed in SEEDS
            ]
            every = ", ".join(f"{accuracy:.4f}" for accuracy in accuracies)
            cells.append(f"{every} | {sum(accuracies) / len(accuracies):.4f}")
        yield f"| {name} | {' | '.join(cells)} |"
