"""Checks the labels of a dataset."""

import sys

import numpy as np

from src.common.errors import PipelineError
from src.ingest.division import MAX_LABELS

UNEQUAL = 10  # a warning if the largest class is so many times as large as the smallest


def check_training_labels(counts: np.ndarray, stratified: bool) -> None:
    """Check the labels of all training images, before they are divided.

    Args:
        counts: ``int [256]``: how many images have each label.
        stratified: whether each class must have an image to train and one to validate.

    Raises:
        PipelineError: there are fewer than two classes, or too few images of a class.
    """
    used = np.flatnonzero(counts)
    if len(used) < 2:
        raise PipelineError(
            f"all training images have the label {used[0]}, but 2 to {MAX_LABELS} classes are "
            "needed; use a label file that numbers the classes from 0"
        )
    if stratified and len(single := np.flatnonzero(counts == 1)):
        raise PipelineError(
            f"only one training image has {_listed(single)}, but each class needs one to train and "
            "one to validate; add images or remove the class"
        )


def check_labels(counts: dict[str, np.ndarray], named: int = 0) -> int:
    """Return the number of classes; print a warning for missing and very unequal classes.

    Args:
        counts: for each split, ``int [256]``: how many images have each label.
        named: the number of classes that have a name.

    Raises:
        PipelineError: the validation or test split has a class that the training split lacks.
    """
    train = counts["train"]
    for split, own in counts.items():
        unknown = np.flatnonzero((own > 0) & (train == 0))
        if len(unknown):
            remedy = "correct the test files" if split == "test" else "set data.split to stratified"
            raise PipelineError(
                f"{own[unknown].sum():,} {split} images have {_listed(unknown)}, which no image of "
                f"the training split has; {remedy}"
            )
    used = np.flatnonzero(train)
    classes = max(int(used[-1]) + 1, named)
    if len(unused := np.flatnonzero(train[:classes] == 0)):
        _warn(
            f"no image has {_listed(unused)}, but there are {classes} classes, 0 to {classes - 1}"
        )
    for split in ("validation", "test"):
        if len(missing := np.flatnonzero((train > 0) & (counts[split] == 0))):
            _warn(f"{split} has no image with {_listed(missing)}; the training split has")
    if are_unequal(train):
        _warn(
            f"the largest class has {train.max():,} training images, the smallest "
            f"{train[used].min():,}; look at the balanced accuracy, the mean over the classes"
        )
    return classes


def are_unequal(counts: np.ndarray) -> bool:
    """Whether the classes, with these numbers of images, are of very different size."""
    return bool(counts.max() > UNEQUAL * counts[counts > 0].min())


def _warn(sentence: str) -> None:
    print(f"warning: {sentence}", file=sys.stderr)


def _listed(labels: np.ndarray) -> str:
    first = ", ".join(str(label) for label in labels[:10])
    return f"label {first}" + (f" and {len(labels) - 10} more" if len(labels) > 10 else "")
