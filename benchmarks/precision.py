"""What bfloat16 does to accuracy, where this program would choose it."""

from collections.abc import Iterator
from dataclasses import replace

from src.common.paths import PROCESSED
from src.config.params import load_params
from src.data.splits import load_dataset_info, load_split
from src.models.device import choose_device
from src.training.execution import choose_execution
from src.training.setup import make_trainer

SEEDS = (1, 2, 3)


def measure(repeat: int) -> Iterator[str]:
    """The lines of the section; the number of turns does not matter to it."""
    splits = load_split(PROCESSED, "train"), load_split(PROCESSED, "validation")
    classes = load_dataset_info(PROCESSED)["classes"]
    recipes, device = load_params().models, choose_device("cpu")
    chosen = {
        name: choose_execution(each, device, "auto", "auto") for name, each in recipes.items()
    }
    chosen = {name: each for name, each in chosen.items() if each.precision == "bfloat16"}
    if not chosen:
        yield "This processor has no bfloat16: every recipe trains in float32."
        return
    yield "Validation accuracy at the end of the whole training, both ways, for the recipes that"
    yield f"`train.precision: auto` trains in bfloat16 here. Seeds {', '.join(map(str, SEEDS))}."
    yield ""
    yield "| recipe | bfloat16 | mean | float32 | mean |"
    yield "| --- | --- | ---: | --- | ---: |"
    for name, execution in chosen.items():
        cells = []
        for precision in ("bfloat16", "float32"):
            own = replace(execution, precision=precision)
            reached = [
                make_trainer(recipes[name], *splits, classes, seed, own)
                .run()
                .history[-1]["val_accuracy"]
                for seed in SEEDS
            ]
            every = ", ".join(f"{accuracy:.4f}" for accuracy in reached)
            cells.append(f"{every} | {sum(reached) / len(reached):.4f}")
        yield f"| {name} | {' | '.join(cells)} |"
