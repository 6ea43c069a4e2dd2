"""Checks the labels of a dataset."""

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
    """Return the number of classes.

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
    return max(int(np.flatnonzero(train)[-1]) + 1, named)


def training_warnings(counts: dict[str, np.ndarray], classes: int) -> list[str]:
    """Return a sentence for unused labels, for missing ones, and for very unequal classes.

    Args:
        counts: for each split, ``int [256]``: how many images have each label.
        classes: their number.
    """
    train, warnings = counts["train"], []
    if len(unused := np.flatnonzero(train[:classes] == 0)):
        warnings.append(
            f"no image has {_listed(unused)}, but there are {classes} classes, 0 to {classes - 1}"
        )
    warnings += missing_labels(counts, "validation")
    if are_unequal(train):
        warnings.append(
            f"the largest class has {train.max():,} training images, the smallest "
            f"{train[train > 0].min():,}; look at the balanced accuracy, the mean over the classes"
        )
    return warnings


def missing_labels(counts: dict[str, np.ndarray], split: str) -> list[str]:
    """Return a sentence if the split lacks a class of the training split, otherwise nothing."""
    missing = np.flatnonzero((counts["train"] > 0) & (counts[split] == 0))
    if not len(missing):
        return []
    return [f"{split} has no image with {_listed(missing)}; the training split has"]


def are_unequal(counts: np.ndarray) -> bool:
    """Whether the classes, with these numbers of images, are of very different size."""
    return bool(counts.max() > UNEQUAL * counts[counts > 0].min())


def _listed(labels: np.ndarray) -> str:
    first = ", ".join(str(label) for label in labels[:10])
    return f"label {first}" + (f" and {len(labels) - 10} more" if len(labels) > 10 else "")
