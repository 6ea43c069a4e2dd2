"""Writes a user's own images as the four IDX files that the pipeline reads, or nothing."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd

from src.common.errors import PipelineError
from src.common.files import atomic_files, write_json
from src.ingest import catalog, idx
from src.ingest.classes import (
    CLASS_NAMES,
    CONVERSION,
    MAX_LABELS,
    natural_order,
    random_test_images,
)
from src.ingest.files import find_files
from src.pictures.convert import Conversion, Picture
from src.pictures.decode import FORMAT_NAMES

SEED = 1  # of the choice of test images


def write_dataset(
    target: Path,
    members: pd.DataFrame,
    pictures: Iterable[Picture | str],
    shape: tuple[int, int],
    conversion: Conversion,
    test_fraction: float,
    replace: bool = False,
) -> tuple[list[str], list[str]]:
    """Write the four IDX files, ``labels.txt`` and ``conversion.json`` into ``target``, or nothing.

    The classes are numbered in natural order, 9 before 10; ``labels.txt`` has their names, one per
    line. Images that cannot be used, or whose pixels are all equal, are left out.

    Args:
        members: for each image, the name of its ``class``; ``is_test``, whether it is a test image,
            or None for all; and its ``source``, for messages.
        pictures: the images of this height and width (``shape``), or why one cannot be used.
        conversion: of other images, when they are predicted.
        test_fraction: of each class, chosen at random, if ``is_test`` is None.
        replace: whether to remove the dataset that ``target`` has; otherwise this is an error.

    Returns:
        The names of the classes; and the images that were left out, with the reason.

    Raises:
        PipelineError: ``target`` has a dataset, there are too few or too many classes, or a class
            has too few images that can be used.
    """
    names, labels, is_test = _numbered(members, test_fraction)
    with atomic_files(target, _old_files(target, replace)) as folder:
        unusable = _write_images(folder, is_test, pictures, shape)
        skipped = [f"{members.source[index]} {reason}" for index, reason in unusable.items()]
        is_used = ~np.isin(np.arange(len(labels)), [*unusable])
        parts = labels[is_used & ~is_test], labels[is_used & is_test]
        _write_labels(folder, names, *parts, skipped)
        write_json(folder / CONVERSION, conversion)
    return names, skipped


def _numbered(
    members: pd.DataFrame, test_fraction: float
) -> tuple[list[str], np.ndarray, np.ndarray]:
    """The names of the classes, the label of each image, and whether it is a test image."""
    names = sorted(set(members["class"]), key=natural_order)
    if not 2 <= len(names) <= MAX_LABELS:
        raise PipelineError(
            f"there are {len(names):,} classes, but 2 to {MAX_LABELS} are needed; give a folder "
            f"with one folder of {FORMAT_NAMES} files per class, or a table with labels (--label)"
        )
    labels = pd.Categorical(members["class"], names).codes.astype(np.uint8)
    if members.is_test.isna().all():
        return names, labels, random_test_images(labels, test_fraction, SEED)
    return names, labels, members.is_test.to_numpy(bool)


def _old_files(target: Path, replace: bool) -> list[Path]:
    old = sorted({path for paths in find_files(target).values() for path in paths})
    old += [target / name for name in (CLASS_NAMES, CONVERSION) if (target / name).exists()]
    if old and not replace:
        raise PipelineError(
            f"{target} already has {', '.join(path.name for path in old)}; add --replace to "
            "replace what is there, or choose another folder with --into"
        )
    return old


def _write_images(
    folder: Path, is_test: np.ndarray, pictures: Iterable[Picture | str], shape: tuple[int, int]
) -> dict[int, str]:
    """Write the image files; return the numbers of the images that cannot be used, and why."""
    unusable = {}
    paths = [folder / name for name in (catalog.TRAIN_IMAGES, catalog.TEST_IMAGES)]
    with idx.appending(paths[0], shape) as train, idx.appending(paths[1], shape) as test:
        for index, picture in enumerate(pictures):
            if isinstance(picture, str):
                unusable[index] = picture
            elif picture.image.size > 1 and not np.ptp(picture.image):
                unusable[index] = "is empty: all its pixels are equal"
            else:
                (test if is_test[index] else train)(picture.image)
    return unusable


def _write_labels(
    folder: Path, names: list[str], train: np.ndarray, test: np.ndarray, skipped: list[str]
) -> None:
    for name, count in zip(names, np.bincount(train, minlength=len(names)), strict=True):
        if count < 2:  # one to train, one to validate
            example = f" ({len(skipped):,} left out: {skipped[0]})" if skipped else ""
            raise PipelineError(
                f"of the class {name!r}, {count} of the training images can be used, but at least "
                f"2 are needed; add images or remove the class{example}"
            )
    idx.write(folder / catalog.TRAIN_LABELS, train)
    idx.write(folder / catalog.TEST_LABELS, test)
    (folder / CLASS_NAMES).write_bytes("".join(f"{name}\n" for name in names).encode())
