"""Converts folders of images to the IDX files that the pipeline reads."""

import os
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from src.common.errors import PipelineError
from src.common.files import atomic_files, write_json
from src.ingest import catalog, idx
from src.ingest.decode import PictureError, read_content
from src.ingest.division import random_test_images
from src.ingest.folders import find_archives, find_files
from src.ingest.image_folders import ImageFolders
from src.ingest.pictures import Conversion, convert
from src.ingest.preprocess import CHUNK_BYTES, MIN_TRAIN

CLASS_NAMES, CONVERSION = "labels.txt", "conversion.json"
ALL = "all-images"  # temporary IDX file: which image is for testing depends on which are readable
WORKERS = min(8, os.cpu_count() or 1)  # Pillow works without Python's lock
AHEAD = 4 * WORKERS  # images that are converted before the next one is needed


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
    skipped: list[tuple[Path, str]]  # files that are not readable, and why


def import_images(
    found: ImageFolders, target: Path, options: Options, replace: bool, console: Console
) -> Imported:
    """Write the four IDX files, ``labels.txt`` and ``conversion.json`` into ``target``, or nothing.

    ``labels.txt`` has the name of a class in each line, in the order of the class numbers. Images
    have the order of ``found``. Files that cannot be read as images are skipped.

    Args:
        target: created if it is missing.
        replace: whether to remove the dataset that ``target`` has; otherwise this is an error.
        console: for the progress.

    Raises:
        PipelineError: ``target`` has a dataset, or a class has too few images that can be read.
    """
    old = _dataset_files(target)
    if old and not replace:
        others = f" and {len(old) - 1} more files of a dataset" if len(old) > 1 else ""
        raise PipelineError(
            f"{target} already has {old[0].name}{others}; add --replace to "
            "replace what is there, or choose another folder with --into"
        )
    _check_counts(found, *_listed(found))  # does not wait for the conversion
    with atomic_files(target, old) as folder:
        labels, is_test, skipped = _convert_all(found, folder / ALL, options, console)
        counts = _count(labels, is_test, len(found.names))
        _check_counts(found, *counts)
        if not found.is_divided:
            is_test = random_test_images(labels, options.test_fraction, options.seed)
            counts = _count(labels, is_test, len(found.names))
        if counts[0].sum() < MIN_TRAIN:
            raise PipelineError(
                f"only {counts[0].sum()} training images can be read, but the pipeline needs at "
                f"least {MIN_TRAIN}; add images"
            )
        _divide(folder, labels, is_test, options.shape)
        names = "".join(f"{name}\n" for name in found.names)
        (folder / CLASS_NAMES).write_text(names, "utf-8", newline="\n")
        write_json(folder / CONVERSION, options.conversion)
    return Imported(*counts, skipped)


def _dataset_files(folder: Path) -> list[Path]:
    """The files in a folder that the pipeline would read."""
    if folder.exists() and not folder.is_dir():
        raise PipelineError(f"{folder} is not a folder; choose another one with --into")
    others = [folder / name for name in (CLASS_NAMES, CONVERSION)]
    idx_files = [path for paths in find_files(folder).values() for path in paths]
    return idx_files + find_archives(folder) + [path for path in others if path.exists()]


def _listed(found: ImageFolders) -> tuple[np.ndarray, np.ndarray]:
    """The number of training and test images of each class, readable or not."""
    counts = np.zeros((2, len(found.names)), int)
    for each in found.folders:
        counts[int(each.is_test), found.names.index(each.name)] += len(each.files)
    return counts[0], counts[1]


def _count(labels: np.ndarray, is_test: np.ndarray, classes: int) -> tuple[np.ndarray, np.ndarray]:
    """The number of training and test images of each class."""
    train, test = (np.bincount(labels[own], minlength=classes) for own in (~is_test, is_test))
    return train, test


def _check_counts(found: ImageFolders, train: np.ndarray, test: np.ndarray) -> None:
    """Check that each class can be in all splits; the validation split comes from ``train``."""
    least, counts, what = 3, train + test, "images"
    needed = "one to train, one to validate and one to test"
    if found.is_divided:
        least, counts, what = 2, train, "training images"
        needed = "one to train and one to validate"
    if len(few := np.flatnonzero(counts < least)):
        raise PipelineError(
            f"{counts[few[0]]} {what} of the class {found.names[few[0]]!r} can be read, but it "
            f"needs at least {least}, {needed}; add images or remove the class"
        )
    if found.is_divided and not test.any():
        raise PipelineError("no test image can be read; add images to the folder test")


def _convert_all(
    found: ImageFolders, path: Path, options: Options, console: Console
) -> tuple[np.ndarray, np.ndarray, list[tuple[Path, str]]]:
    """Write all readable images to one IDX file.

    Returns:
        Labels ``uint8 [N]``, ``bool [N]`` (whether it is a test image), and the skipped files.
    """
    labels, is_test, skipped = bytearray(), bytearray(), []
    with idx.appending(path, options.shape) as append, _progress(console) as progress:
        total = sum(len(each.files) for each in found.folders)
        results = zip(found.images(), _in_order(found, options), strict=True)
        for (label, test, source), image in progress.track(results, total, description="images"):
            if isinstance(image, PictureError):
                skipped.append((source, image.reason))
                continue
            append(image)
            labels.append(label)
            is_test.append(test)
    return np.frombuffer(labels, np.uint8), np.frombuffer(is_test, bool), skipped


def _progress(console: Console) -> Progress:
    columns = TextColumn("{task.description}"), BarColumn(bar_width=24), MofNCompleteColumn()
    time_left = TextColumn("time left"), TimeRemainingColumn()
    shown = console.is_terminal
    return Progress(*columns, *time_left, console=console, transient=True, disable=not shown)


def _in_order(found: ImageFolders, options: Options) -> Iterator[np.ndarray | PictureError]:
    """Convert the images in parallel, only a few of them in advance, so that memory is bounded."""
    waiting: deque[Future[np.ndarray | PictureError]] = deque()
    with ThreadPoolExecutor(WORKERS) as pool:
        for _, _, path in found.images():
            waiting.append(pool.submit(_convert, path, options))
            if len(waiting) > AHEAD:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def _convert(path: Path, options: Options) -> np.ndarray | PictureError:
    try:
        content = read_content(path)
        return convert(content, str(path), options.shape, options.conversion).image
    except PictureError as error:
        return error


def _divide(folder: Path, labels: np.ndarray, is_test: np.ndarray, shape: tuple[int, int]) -> None:
    """Write the four IDX files from the file with all images."""
    train, _, test, _ = (folder / name for name in catalog.NAMES)
    with idx.appending(train, shape) as append_train, idx.appending(test, shape) as append_test:
        first = 0
        for chunk in idx.read_chunks(folder / ALL, max(1, CHUNK_BYTES // (shape[0] * shape[1]))):
            own = is_test[first : first + len(chunk)]
            append_train(chunk[~own])
            append_test(chunk[own])
            first += len(chunk)
    (folder / ALL).unlink()
    idx.write(folder / catalog.TRAIN_LABELS, labels[~is_test])
    idx.write(folder / catalog.TEST_LABELS, labels[is_test])
