"""Converts folders of images to the IDX files that the pipeline reads."""

import os
from collections.abc import Iterator, Sequence
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
from src.ingest.conversion import Conversion
from src.ingest.division import random_test_images
from src.ingest.files import find_files
from src.ingest.image_folders import ImageFile, ImageFolders
from src.ingest.preprocess import MIN_TRAIN
from src.pictures.convert import convert
from src.pictures.decode import PictureError, read_content

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
    old = sorted({path for paths in find_files(target).values() for path in paths})
    old += [target / name for name in (CLASS_NAMES, CONVERSION) if (target / name).exists()]
    if old and not replace:
        others = f" and {len(old) - 1} more files of a dataset" if len(old) > 1 else ""
        raise PipelineError(
            f"{target} already has {old[0].name}{others}; add --replace to "
            "replace what is there, or choose another folder with --into"
        )
    images = found.images if found.is_divided else _with_test_images(found.images, options)
    _check_counts([image.label for image in images if not image.is_test], found.names)
    with atomic_files(target, old) as folder:
        done = _write_all(images, found.names, folder, options, console)
        names = "".join(f"{name}\n" for name in found.names)
        (folder / CLASS_NAMES).write_text(names, "utf-8", newline="\n")
        write_json(folder / CONVERSION, options.conversion)
    return done


def _with_test_images(images: list[ImageFile], options: Options) -> list[ImageFile]:
    """Choose random images of each class for testing."""
    labels = np.array([image.label for image in images], np.uint8)
    chosen = random_test_images(labels, options.test_fraction, options.seed).tolist()
    pairs = zip(images, chosen, strict=True)
    return [image._replace(is_test=is_test) for image, is_test in pairs]


def _check_counts(labels: list[int], names: list[str], skipped: Sequence[Skipped] = ()) -> None:
    """Check that each class has an image to train and one to validate."""
    counts = np.bincount(labels, minlength=len(names))
    if len(few := np.flatnonzero(counts < 2)):
        reasons = [f" ({file.path!r} {why})" for file, why in skipped if file.label == few[0]]
        raise PipelineError(
            f"the class {names[few[0]]!r} has {counts[few[0]]} training images that can be used"
            f"{''.join(reasons[:1])}, but needs at least 2; add images or remove the class"
        )


def _write_all(
    images: list[ImageFile], names: list[str], folder: Path, options: Options, console: Console
) -> Imported:
    """Write the four IDX files."""
    train, train_labels, test, test_labels = (folder / name for name in catalog.NAMES)
    labels: dict[bool, list[int]] = {False: [], True: []}  # of training and of test images
    skipped = []
    with idx.appending(train, options.shape) as add, idx.appending(test, options.shape) as add_test:
        converted = zip(images, _in_order(images, options), strict=True)
        is_hidden = not console.is_terminal
        shown = track(converted, "images", len(images), console=console, disable=is_hidden)
        for file, image in shown:
            if isinstance(image, str):
                skipped.append((file, image))
            else:
                (add_test if file.is_test else add)(image)
                labels[file.is_test].append(file.label)
    _check_counts(labels[False], names, skipped)
    counts = [np.bincount(labels[is_test], minlength=len(names)) for is_test in (False, True)]
    if counts[0].sum() < MIN_TRAIN or not counts[1].any():
        raise PipelineError(
            f"only {counts[0].sum()} training images and {counts[1].sum()} test images can be "
            f"used, but the pipeline needs at least {MIN_TRAIN} and 1; add images"
        )
    idx.write(train_labels, np.array(labels[False], np.uint8))
    idx.write(test_labels, np.array(labels[True], np.uint8))
    return Imported(counts[0], counts[1], skipped)


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
