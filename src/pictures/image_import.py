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
from src.ingest.catalog import Conversion
from src.ingest.division import random_test_images
from src.ingest.names import find_archives, find_files
from src.ingest.properties import CLASS_NAMES, CONVERSION
from src.ingest.raw import CHUNK_BYTES, MIN_TRAIN
from src.pictures.convert import convert
from src.pictures.decode import PictureError, read_content
from src.pictures.idx_file import appending
from src.pictures.image_folders import ImageFolders

ALL = "all-images"  # temporary IDX file: which image is for testing depends on which are readable
WORKERS = min(8, os.cpu_count() or 1)  # Pillow works without Python's lock
AHEAD = 4 * WORKERS  # images that are converted before the next one is needed

Skipped = tuple[int, Path, str]  # class, path of a file that cannot be used, and why not


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
    old = _dataset_files(target)
    if old and not replace:
        others = f" and {len(old) - 1} more files of a dataset" if len(old) > 1 else ""
        raise PipelineError(
            f"{target} already has {old[0].name}{others}; add --replace to "
            "replace what is there, or choose another folder with --into"
        )
    _check_counts(found, found.counts(), [])  # before the conversion, which can take long
    with atomic_files(target, old) as folder:
        done = _write_all(found, folder, options, console)
        names = "".join(f"{name}\n" for name in found.names)
        (folder / CLASS_NAMES).write_text(names, "utf-8", newline="\n")
        write_json(folder / CONVERSION, options.conversion)
    return done


def _write_all(found: ImageFolders, folder: Path, options: Options, console: Console) -> Imported:
    """Write the four IDX files."""
    labels, is_test, skipped = _convert_all(found, folder / ALL, options, console)
    _check_counts(found, _count(labels, is_test, len(found.names)), skipped)
    if not found.is_divided:
        is_test = random_test_images(labels, options.test_fraction, options.seed)
    train, test = _count(labels, is_test, len(found.names))
    if train.sum() < MIN_TRAIN:
        raise PipelineError(
            f"only {train.sum()} training images can be used, but the pipeline needs at least "
            f"{MIN_TRAIN}; add images"
        )
    _divide(folder, labels, is_test, options.shape)
    return Imported(train, test, skipped)


def _dataset_files(folder: Path) -> list[Path]:
    """The files in a folder that the pipeline would read."""
    if folder.exists() and not folder.is_dir():
        raise PipelineError(f"{folder} is not a folder; choose another one with --into")
    others = [folder / name for name in (CLASS_NAMES, CONVERSION)]
    idx_files = [folder / path.name for paths in find_files(folder).values() for path in paths]
    return idx_files + find_archives(folder) + [path for path in others if path.exists()]


def _count(labels: np.ndarray, is_test: np.ndarray, classes: int) -> np.ndarray:
    """``int [2, K]``: the numbers of training and of test images of each class."""
    return np.stack([np.bincount(labels[own], minlength=classes) for own in (~is_test, is_test)])


def _check_counts(found: ImageFolders, counts: np.ndarray, skipped: list[Skipped]) -> None:
    """Check that each class can be in all splits; ``counts`` is ``int [2, K]``: train and test."""
    least, own, what = 3, counts.sum(0), "images (one to train, one to validate and one to test)"
    if found.is_divided:
        least, own, what = 2, counts[0], "training images (one to train and one to validate)"
    if len(few := np.flatnonzero(own < least)):
        reasons = [f" ({str(path)!r} {why})" for label, path, why in skipped if label == few[0]]
        raise PipelineError(
            f"the class {found.names[few[0]]!r} needs at least {least} {what}, but has only "
            f"{own[few[0]]} that can be used{''.join(reasons[:1])}; add images or remove the class"
        )
    if found.is_divided and not counts[1].any():
        raise PipelineError("no test image can be used; add images to the folder test")


def _convert_all(
    found: ImageFolders, path: Path, options: Options, console: Console
) -> tuple[np.ndarray, np.ndarray, list[Skipped]]:
    """Write all readable images to one IDX file.

    Returns:
        Labels ``uint8 [N]``, ``bool [N]`` (whether it is a test image), and the skipped files.
    """
    labels, is_test, skipped = bytearray(), bytearray(), []
    with appending(path, options.shape) as append, _progress(console) as progress:
        total = sum(len(each.files) for each in found.folders)
        results = zip(found.images(), _in_order(found, options), strict=True)
        for (label, test, source), image in progress.track(results, total, description="images"):
            if isinstance(image, str):
                skipped.append((label, source, image))
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


def _in_order(found: ImageFolders, options: Options) -> Iterator[np.ndarray | str]:
    """Convert the images in parallel, only a few of them in advance, so that memory is bounded.

    Yields ``uint8 [H, W]``, or why the file cannot be used.
    """
    waiting: deque[Future[np.ndarray | str]] = deque()
    with ThreadPoolExecutor(WORKERS) as pool:
        for _, _, path in found.images():
            waiting.append(pool.submit(_convert, path, options))
            if len(waiting) > AHEAD:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def _convert(path: Path, options: Options) -> np.ndarray | str:
    """The image, or why it cannot be used; an exception would keep the decoded file in memory."""
    try:
        content = read_content(path)
        return convert(content, str(path), options.shape, options.conversion).image
    except PictureError as error:
        return error.reason


def _divide(folder: Path, labels: np.ndarray, is_test: np.ndarray, shape: tuple[int, int]) -> None:
    """Write the four IDX files from the file with all images."""
    train, _, test, _ = (folder / name for name in catalog.NAMES)
    with appending(train, shape) as append_train, appending(test, shape) as append_test:
        first = 0
        for chunk in idx.read_chunks(folder / ALL, max(1, CHUNK_BYTES // (shape[0] * shape[1]))):
            own = is_test[first : first + len(chunk)]
            append_train(chunk[~own])
            append_test(chunk[own])
            first += len(chunk)
    (folder / ALL).unlink()
    idx.write(folder / catalog.TRAIN_LABELS, labels[~is_test])
    idx.write(folder / catalog.TEST_LABELS, labels[is_test])
