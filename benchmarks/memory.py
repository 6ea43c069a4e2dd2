"""Time and peak memory of each stage with 70,000 and with 9.45 million images."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import yaml

from benchmarks.datasets import write_variants
from benchmarks.processes import Cost, clone, measure_command
from src.common.paths import PROCESSED, RAW, SPLIT_FOLDERS, TIMING
from src.config.yaml_files import read_yaml
from src.data.splits import load_split

VARIANTS = (1, 135)  # of each image
LIMIT = 2  # train.memory_limit, in GB
RECIPES = ("softmax", "softmax_normal", "mlp_65x2")
COMMANDS = (
    "python -m stages.download",
    "python -m stages.preprocess",
    "python -m stages.plan",
    *(f"python -m stages.train {family}" for family in ("softmax", "mlp")),
    "python -m stages.evaluate",
    "dvc commit --force --quiet download preprocess",
)
INTRODUCTION = """\
Two epochs of training on {few[train]:,} and on {many[train]:,} images, and evaluation on
{few[test]:,} and on {many[test]:,} images. `train.memory_limit` is {limit}. Each row is a complete
process, imports included. GB is the peak memory. The last column is the additional time per
additional million images.

| process | {total_few:,} images: s | GB | {total_many:,} images: s | GB | s per million |
| --- | ---: | ---: | ---: | ---: | ---: |"""
SECOND_EPOCH = """
Microseconds per image in the second epoch of training; `train softmax` trains two recipes:

| recipe | {few:,} images | {many:,} images |
| --- | ---: | ---: |"""


def prepare(folder: Path, variants: int) -> Path:
    """Clone the repository, with a larger dataset and two epochs of training per recipe."""
    checkout = clone(folder)
    write_variants(RAW, folder / "incoming", variants)
    path = checkout / "params.yaml"
    params = read_yaml(path.read_text("utf-8"))
    params["model"] = list(RECIPES)
    params["data"] |= {"dataset": "local", "folders": [str(folder / "incoming")]}
    params["train"] |= {"memory_limit": LIMIT, "epochs": 2}
    path.write_text(yaml.safe_dump(params, sort_keys=False), "utf-8")
    return checkout


def table_row(command: str, costs: tuple[Cost, Cost], counts: list[dict[str, int]]) -> str:
    """The row of a command, from its costs and the images per split of both datasets."""
    read = {"stages.evaluate": ["test"], "stages.train": ["train"]}
    splits = read.get(command.split()[2], SPLIT_FOLDERS)
    few, many = (sum(each[split] for split in splits) for each in counts)
    cells = [f"{cost.seconds:.1f} | {cost.peak_memory / 1e9:.2f}" for cost in costs]
    per_million = (costs[1].seconds - costs[0].seconds) / (many - few) * 1e6
    return f"| `{command}` | {' | '.join(cells)} | {per_million:.2f} |"


def measure(repeat: int) -> Iterator[str]:
    """Ignores ``repeat``: each process runs once."""
    costs, counts, epochs = [], [], []
    for variants in VARIANTS:
        with tempfile.TemporaryDirectory() as folder:
            checkout = prepare(Path(folder), variants)
            costs.append([measure_command(checkout, *each.split()) for each in COMMANDS])
            processed = checkout / PROCESSED
            counts.append({split: len(load_split(processed, split)[1]) for split in SPLIT_FOLDERS})
            epochs.append(pd.read_csv(checkout / TIMING).groupby("recipe").seconds.agg(np.ptp))
    few, many = counts
    totals = {"total_few": sum(few.values()), "total_many": sum(many.values())}
    yield INTRODUCTION.format(few=few, many=many, limit=LIMIT, **totals)
    for command, *pair in zip(COMMANDS, *costs, strict=True):
        yield table_row(command, pair, counts)
    yield SECOND_EPOCH.format(few=few["train"], many=many["train"])
    for name in RECIPES:
        per_image = [
            seconds[name] / count["train"] for seconds, count in zip(epochs, counts, strict=True)
        ]
        yield f"| {name} | {per_image[0] * 1e6:.2f} | {per_image[1] * 1e6:.2f} |"
