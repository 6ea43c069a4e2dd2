"""Test images of MNIST whose label most people dispute.

Northcutt, Athalye and Mueller, *Pervasive Label Errors in Test Sets Destabilize Machine Learning
Benchmarks*, NeurIPS 2021, arXiv 2103.14749, showed images that models had found suspicious to five
people each. The votes are in ``mturk/mnist_mturk.json`` of github.com/cleanlab/label-errors.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from src.plots.contact_sheet import contact_sheet

# The number of an image in the test split, and how many of five people chose its label: all images
# with fewer than three votes.
VOTES = {
    **{947: 0, 1621: 2, 1901: 2, 2130: 2, 2462: 0, 2597: 0, 2654: 0, 3520: 2},
    **{3558: 1, 5937: 1, 6651: 0, 6783: 2, 8527: 2, 9679: 2, 9729: 2},
}
DATASET, TEST_IMAGES = "mnist", 10_000


def disputed_rows(dataset: Mapping[str, Any], predictions: pd.DataFrame) -> pd.DataFrame:
    """The rows of ``predictions`` of the disputed images; none if the dataset is not MNIST.

    Args:
        dataset: as in ``training.json``.
        predictions: one row per test image: ``actual``, ``predicted``.
    """
    is_listed = dataset["name"] == DATASET and len(predictions) == TEST_IMAGES
    return predictions.loc[list(VOTES) if is_listed else []]


def disputed_errors(dataset: Mapping[str, Any], predictions: pd.DataFrame) -> dict[str, int]:
    """The metric of this name: the errors on disputed images; nothing if there are none."""
    rows = disputed_rows(dataset, predictions)
    return {} if rows.empty else {"disputed_errors": int((rows.actual != rows.predicted).sum())}


def disputed_sheet(images: np.ndarray, rows: Sequence[pd.DataFrame]) -> Figure:
    """Draw the disputed images with their labels, and with the two most frequent predictions.

    Args:
        images: all test images, ``uint8 [N, H, W]``.
        rows: the result of ``disputed_rows`` for each model.
    """
    if rows[0].empty:
        figure = Figure((6, 1), layout="constrained")
        figure.suptitle("Only the test images of MNIST have a list of disputed labels.")
        return figure
    captions = []
    for number, label in rows[0].actual.items():
        counts = Counter(sorted(each.predicted[number] for each in rows))  # a class is a digit
        frequent = [f"{digit} by {count}" for digit, count in counts.most_common(2)]
        predicted = ", ".join([*frequent, "…"][: len(counts)])
        captions.append(f"{number}: label {label} ({VOTES[number]} votes)\npredicted {predicted}")
    models = f"{len(rows)} model{'s' * (len(rows) > 1)}"
    title = f"Labels with fewer than 3 of 5 votes of people, and the predictions of {models}"
    return contact_sheet(images[list(rows[0].index)], captions, columns=5, title=title)
