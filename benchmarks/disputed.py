"""The errors on MNIST's test images whose labels people dispute, and a picture of these images.

First run the pipeline: this program reads its results. The picture is for docs/modern.md.
"""

from collections import Counter
from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from benchmarks.processes import ROOT
from src.common.errors import PipelineError
from src.common.paths import PREDICTIONS, PROCESSED
from src.data.splits import load_dataset_info, load_split
from src.evaluation.tables import read_evaluations
from src.plots.contact_sheet import contact_sheet, write_png

PICTURE = ROOT / "docs/images/disputed.png"
# The test images of MNIST whose label got fewer than three votes of five people: number, votes.
# Northcutt, Athalye and Mueller, *Pervasive Label Errors in Test Sets Destabilize Machine Learning
# Benchmarks*, NeurIPS 2021, arXiv 2103.14749; mturk/mnist_mturk.json of cleanlab/label-errors.
VOTES = {
    **{947: 0, 1621: 2, 1901: 2, 2130: 2, 2462: 0, 2597: 0, 2654: 0, 3520: 2},
    **{3558: 1, 5937: 1, 6651: 0, 6783: 2, 8527: 2, 9679: 2, 9729: 2},
}
INTRODUCTION = """\
Wrong predictions for all 10,000 test images, and for the 15 disputed ones.

| recipe | errors | disputed |
| --- | ---: | ---: |"""


def measure(repeat: int) -> Iterator[str]:
    """Ignores ``repeat``: nothing is random. Writes the picture too.

    Raises:
        PipelineError: the data is not MNIST's test split, or a file is missing or damaged.
    """
    evaluations, images = read_evaluations(PREDICTIONS), load_split(PROCESSED, "test")[0]
    names = {each.record["dataset"]["name"] for each in evaluations.values()}
    if names | {load_dataset_info(PROCESSED)["name"]} != {"mnist"} or len(images) != 10_000:
        raise PipelineError(
            "only MNIST's 10,000 test images have a list of disputed labels; run "
            "`dvc exp run -S data.dataset=mnist`, and then this program"
        )
    tables = {name: each.predictions for name, each in evaluations.items()}
    write_png(disputed_sheet(images, list(tables.values())), PICTURE)
    wrong = {name: each.actual != each.predicted for name, each in tables.items()}
    yield INTRODUCTION
    for name in sorted(wrong, key=lambda name: wrong[name].sum()):
        yield f"| {name} | {wrong[name].sum():,} | {wrong[name][list(VOTES)].sum()} |"


def disputed_sheet(images: np.ndarray, predictions: Sequence[pd.DataFrame]) -> Figure:
    """Draw the disputed images with their labels, and with the two most frequent predictions.

    Args:
        images: all test images, ``uint8 [N, H, W]``.
        predictions: of each model, one row per test image: ``actual``, ``predicted``.
    """
    captions = []
    for number, votes in VOTES.items():
        counts = Counter(sorted(each.predicted[number] for each in predictions))
        frequent = [f"{digit} by {count}" for digit, count in counts.most_common(2)]
        predicted, label = ", ".join([*frequent, "…"][: len(counts)]), predictions[0].actual[number]
        captions.append(f"{number}: label {label} ({votes} votes)\npredicted {predicted}")
    models = f"{len(predictions)} model{'s' * (len(predictions) > 1)}"
    title = f"Labels with fewer than 3 of 5 votes of people, and the predictions of {models}"
    return contact_sheet(images[list(VOTES)], captions, columns=5, title=title)
