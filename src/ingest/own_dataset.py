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

EMPTY = "is empty: all its pixels are equal"


def number_classes(
    members: pd.DataFrame, random_test: tuple[float, int]
) -> tuple[list[str], pd.DataFrame]:
    """Number the classes of images in natural order, 9 before 10, and choose test images.

    Args:
        members: for each image, the name of its ``class``; ``is_test``, whether it is a test image,
            or None for all; and its ``source``, for messages.
        random_test: the fraction of each class that are test images, and a seed, if ``is_test`` is
            None.

    Returns:
        The names of the classes; and the images with ``is_test``, bool, and ``label``, uint8.

    Raises:
        PipelineError: there are too few or too many classes.
    """
    names = sorted(set(members["class"]), key=natural_order)
    if not 2 <= len(names) <= MAX_LABELS:
        raise PipelineError(
            f"{len(names):,} classes were found, but 2 to {MAX_LABELS} are needed; give a folder "
            f"with one folder of {FORMAT_NAMES} files per class, or a table with a column of "
            "labels, which --label names"
        )
    labels = pd.Categorical(members["class"], names).codes.astype(np.uint8)
    is_test = members.is_test.to_numpy(bool)
    if members.is_test.isna().all():
        is_test = random_test_images(labels, *random_test)
    return names, members.assign(label=labels, is_test=is_test)


def write_dataset(
    target: Path,
    names: list[str],
    members: pd.DataFrame,
    pictures: Iterable[Picture | str],
    shape: tuple[int, int],
    conversion: Conversion,
    replace: bool = False,
) -> list[str]:
    """Write the four IDX files, ``labels.txt`` and ``conversion.json`` into ``target``, or nothing.

    ``labels.txt`` has the name of a class in each line, in the order of the class numbers. Images
    that cannot be used, or whose pixels are all equal, are left out.

    Args:
        target: created if it is missing.
        names: of the classes.
        members: the images, as ``number_classes`` returns them.
        pictures: their contents, or why one cannot be used; one after the other, so that only a few
            are in memory.
        shape: height and width of the images.
        conversion: of other images, when they are predicted.
        replace: whether to remove the dataset that ``target`` has; otherwise this is an error.

    Returns:
        The images that were left out, and why.

    Raises:
        PipelineError: ``target`` has a dataset, or a class has too few images that can be used.
    """
    with atomic_files(target, _old_files(target, replace)) as folder:
        used, skipped = _write_images(folder, members, pictures, shape)
        train = used.label[~used.is_test].to_numpy()
        _check_sizes(names, train, skipped)
        idx.write(folder / catalog.TRAIN_LABELS, train)
        idx.write(folder / catalog.TEST_LABELS, used.label[used.is_test].to_numpy())
        (folder / CLASS_NAMES).write_bytes("".join(f"{name}\n" for name in names).encode())
        write_json(folder / CONVERSION, conversion)
    return skipped


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
    folder: Path, members: pd.DataFrame, pictures: Iterable[Picture | str], shape: tuple[int, int]
) -> tuple[pd.DataFrame, list[str]]:
    """Write the image files; return the members that were used, and why not the others."""
    is_used, skipped = np.ones(len(members), bool), []
    paths = [folder / name for name in (catalog.TRAIN_IMAGES, catalog.TEST_IMAGES)]
    with idx.appending(paths[0], shape) as train, idx.appending(paths[1], shape) as test:
        rows = zip(members.source, members.is_test, pictures, strict=True)
        for index, (source, is_test, picture) in enumerate(rows):
            if not isinstance(picture, str) and picture.image.size > 1:
                picture = picture if np.ptp(picture.image) else EMPTY
            if isinstance(picture, str):
                is_used[index] = False
                skipped.append(f"{source} {picture}")
            else:
                (test if is_test else train)(picture.image)
    return members[is_used], skipped


def _check_sizes(names: list[str], train: np.ndarray, skipped: list[str]) -> None:
    for name, count in zip(names, np.bincount(train, minlength=len(names)), strict=True):
        if count < 2:  # one to train, one to validate
            example = f" ({len(skipped):,} left out: {skipped[0]})" if skipped else ""
            raise PipelineError(
                f"the class {name!r} has {count} training images that can be used, but needs "
                f"at least 2; add images or remove the class{example}"
            )
