"""Converts folders of images to the IDX files that the pipeline reads."""

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.progress import track

from src.common.errors import PipelineError
from src.common.files import atomic_files, write_json
from src.ingest import catalog, idx
from src.ingest.classes import CLASS_NAMES, CONVERSION
from src.ingest.division import random_test_images
from src.ingest.files import find_archives, find_files
from src.ingest.image_folders import ImageFile, ImageFolders
from src.ingest.preprocess import MIN_TRAIN
from src.pictures.conversion import Conversion
from src.pictures.convert import convert
from src.pictures.decode import PictureError, read_content

ALL = "all-images"  # temporary IDX file: which image is for testing depends on which are readable
WORKERS = min(8, os.cpu_count() or 1)  # Pillow works without Python's lock
AHEAD = 16 * WORKERS  # images that are converted together, and are in memory

Skipped = tuple[ImageFile, str]  # a file that cannot be used, and why not


@dataclass(frozen=True)
class Options:
    """How images become a dataset."""

    shape: tuple[int, int]  # height and width
    conversion: Conversion
    test_fraction: float  # of each class, if there is no folder of test images
    seed: int  # of the random choice of test images


@dataclass(frozen=True)
class Imported:
    """What was written."""

    train: np.ndarray  # int [K]: number of training images of each class
    test: np.ndarray  # int [K]
    skipped: list[Skipped]


def import_images(
    found: ImageFolders, target: Path, options: Options, replace: bool, console: Console
) -> Imported:
    """Write the four IDX files, ``labels.txt`` and ``conversion.json`` into ``target``, or nothing.

    ``labels.txt`` has the name of a class in each line, in the order of the class numbers. Images
    have the order of ``found``. Images that cannot be used are skipped.

    Args:
        target: created if it is missing.
        replace: whether to remove the dataset that ``target`` has; otherwise this is an error.
        console: for the progress.

    Raises:
        PipelineError: ``target`` has a dataset, or a class has too few images that can be used.
    """
    old = [path for paths in find_files(target).values() for path in paths] + find_archives(target)
    old += [target / name for name in (CLASS_NAMES, CONVERSION) if (target / name).exists()]
    if old and not replace:
        others = f" and {len(old) - 1} more files of a dataset" if len(old) > 1 else ""
        raise PipelineError(
            f"{target} already has {old[0].name}{others}; add --replace to "
            "replace what is there, or choose another folder with --into"
        )
    _check_counts(found, found.images, [])  # before the conversion, which can take long
    with atomic_files(target, old) as folder:
        done = _write_all(found, folder, options, console)
        names = "".join(f"{name}\n" for name in found.names)
        (folder / CLASS_NAMES).write_text(names, "utf-8", newline="\n")
        write_json(folder / CONVERSION, options.conversion)
    return done


def _check_counts(found: ImageFolders, usable: list[ImageFile], skipped: list[Skipped]) -> None:
    """Check that each class can be in all splits."""
    least, what = 3, "images (one to train, one to validate and one to test)"
    if found.is_divided:
        least, what = 2, "training images (one to train and one to validate)"
    labels = [image.label for image in usable if not image.is_test]
    counts = np.bincount(labels, minlength=len(found.names))
    if len(few := np.flatnonzero(counts < least)):
        reasons = [f" ({file.path!r} {why})" for file, why in skipped if file.label == few[0]]
        raise PipelineError(
            f"the class {found.names[few[0]]!r} needs at least {least} {what}, but has only "
            f"{counts[few[0]]} that can be used{''.join(reasons[:1])}; add images or remove the "
            "class"
        )
    if found.is_divided and len(labels) == len(usable):
        raise PipelineError("no test image can be used; add images to the folder test")


def _write_all(found: ImageFolders, folder: Path, options: Options, console: Console) -> Imported:
    """Write the four IDX files."""
    usable, skipped = [], []
    with idx.appending(folder / ALL, options.shape) as append:
        converted = zip(found.images, _in_order(found.images, options), strict=True)
        shown = track(
            converted, "images", len(found.images), console=console, transient=True,
            disable=not console.is_terminal,
        )  # fmt: skip
        for file, image in shown:
            if isinstance(image, str):
                skipped.append((file, image))
            else:
                append(image)
                usable.append(file)
    _check_counts(found, usable, skipped)
    labels = np.array([file.label for file in usable], np.uint8)
    is_test = np.array([file.is_test for file in usable], bool)
    if not found.is_divided:
        is_test = random_test_images(labels, options.test_fraction, options.seed)
    if (count := int((~is_test).sum())) < MIN_TRAIN:
        raise PipelineError(
            f"only {count} training images can be used, but the pipeline needs at least "
            f"{MIN_TRAIN}; add images"
        )
    _divide(folder, labels, is_test)
    train, test = (
        np.bincount(labels[part], minlength=len(found.names)) for part in (~is_test, is_test)
    )
    return Imported(train, test, skipped)


def _in_order(images: list[ImageFile], options: Options) -> Iterator[np.ndarray | str]:
    """Convert the images in parallel; yield ``uint8 [H, W]``, or why a file cannot be used."""

    def converted(file: ImageFile) -> np.ndarray | str:
        try:
            content = read_content(Path(file.path))
            return convert(content, file.path, options.shape, options.conversion).image
        except PictureError as error:  # it would keep the decoded file in memory
            return error.reason

    with ThreadPoolExecutor(WORKERS) as pool:
        for first in range(0, len(images), AHEAD):
            yield from pool.map(converted, images[first : first + AHEAD])


def _divide(folder: Path, labels: np.ndarray, is_test: np.ndarray) -> None:
    """Write the four IDX files from the file with all images."""
    shape = idx.read_header(folder / ALL)[1:]
    train, _, test, _ = (folder / name for name in catalog.NAMES)
    with idx.appending(train, shape) as append_train, idx.appending(test, shape) as append_test:
        first = 0
        for chunk in idx.read_chunks(folder / ALL):
            in_test = is_test[first : first + len(chunk)]
            append_train(chunk[~in_test])
            append_test(chunk[in_test])
            first += len(chunk)
    (folder / ALL).unlink()
    idx.write(folder / catalog.TRAIN_LABELS, labels[~is_test])
    idx.write(folder / catalog.TEST_LABELS, labels[is_test])
