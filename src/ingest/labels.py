"""Checks the labels of a dataset."""

import sys

import numpy as np

from src.common.errors import PipelineError

MAX_LABELS = 256  # the values of a byte


def check_labels(counts: dict[str, np.ndarray]) -> int:
    """Return the number of classes; print a warning for labels that are missing in a split.

    Args:
        counts: for each split, ``int [256]``: how many images have each label.

    Raises:
        PipelineError: all labels are the same.
    """
    labels = {split: set(np.flatnonzero(own).tolist()) for split, own in counts.items()}
    used = set.union(*labels.values())
    if len(used) < 2:
        raise PipelineError(
            f"all labels are {min(used)}, but 2 to {MAX_LABELS} classes are needed; "
            "use label files that number the classes from 0"
        )
    classes = max(used) + 1
    if unused := set(range(classes)) - used:
        _warn(f"no image has {_listed(unused)}, but there are {classes} classes, 0 to {max(used)}")
    for split, own in labels.items():
        if missing := used - own:
            hint = "" if split == "test" else "; shuffle the training files if they are sorted"
            _warn(f"{split} has no image with {_listed(missing)}; other splits have{hint}")
    return classes


def _warn(sentence: str) -> None:
    print(f"warning: {sentence}", file=sys.stderr)


def _listed(labels: set[int]) -> str:
    first = ", ".join(str(label) for label in sorted(labels)[:10])
    return f"label {first}" + (f" and {len(labels) - 10} more" if len(labels) > 10 else "")
