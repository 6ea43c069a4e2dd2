"""Writes a user's own images as the four IDX files that the pipeline reads, or nothing."""

import sys
from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from rich.console import Console
from rich.progress import track

from src.common.errors import PipelineError
from src.common.files import atomic_files, write_json
from src.ingest import catalog, idx
from src.ingest.classes import CLASS_NAMES, CONVERSION
from src.ingest.files import find_files

EMPTY = "is empty: all its pixels are equal"
SAMPLE, FEWEST = 50, 3  # images that a contact sheet shows: of all classes, of a class


class OwnImage(NamedTuple):
    """An image of a class, or why it cannot be used."""

    source: str  # a path, or a row of a table; for messages
    label: int
    is_test: bool
    content: np.ndarray | str  # uint8 [H, W], or the reason


@dataclass(frozen=True)
class OwnDataset:
    """What was written."""

    counts: np.ndarray  # int [2, K]: training and test images of each class
    skipped: dict[str, str]  # why an image was left out, by its source
    sample: tuple[np.ndarray, np.ndarray]  # about 50 training images of all classes, their labels


def write_dataset(
    target: Path,
    names: list[str],
    shape: tuple[int, int],
    conversion: catalog.Conversion,
    images: Iterable[OwnImage],
    count: int,
    replace: bool = False,
) -> OwnDataset:
    """Write the four IDX files, ``labels.txt`` and ``conversion.json`` into ``target``, or nothing.

    ``labels.txt`` has the name of a class in each line, in the order of the class numbers. Images
    that cannot be used, or whose pixels are all equal, are left out. In a terminal, a bar shows the
    progress.

    Args:
        target: created if it is missing.
        names: of the K classes, in the order of their labels.
        shape: height and width of the images.
        conversion: of other images, when they are predicted.
        images: one after the other, so that only a few are in memory.
        count: number of images, for the bar.
        replace: whether to remove the dataset that ``target`` has; otherwise this is an error.

    Raises:
        PipelineError: ``target`` has a dataset, or a class has too few images that can be used.
    """
    with atomic_files(target, _old_files(target, replace)) as folder:
        console, quiet = Console(stderr=True), not sys.stderr.isatty()
        shown = track(images, "images", count, console=console, disable=quiet)
        dataset = _write_images(folder, len(names), shape, shown)
        for name, number in zip(names, dataset.counts[0], strict=True):
            if number < 2:  # one to train, one to validate
                raise PipelineError(
                    f"the class {name!r} has {number} training images that can be used, but needs "
                    f"at least 2; add images or remove the class{_example(dataset.skipped)}"
                )
        (folder / CLASS_NAMES).write_bytes("".join(f"{name}\n" for name in names).encode())
        write_json(folder / CONVERSION, conversion)
    return dataset


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
    folder: Path, classes: int, shape: tuple[int, int], images: Iterable[OwnImage]
) -> OwnDataset:
    labels, skipped = (bytearray(), bytearray()), {}
    sample, most = list[tuple[np.ndarray, int]](), max(FEWEST, SAMPLE // classes)
    in_sample = np.zeros(classes, int)
    with ExitStack() as stack:
        files = (catalog.TRAIN_IMAGES, catalog.TEST_IMAGES)
        append = [stack.enter_context(idx.appending(folder / name, shape)) for name in files]
        for source, label, is_test, content in images:
            if isinstance(content, str):
                skipped[source] = content
            elif content.size > 1 and content.min() == content.max():
                skipped[source] = EMPTY
            else:
                append[is_test](content)
                labels[is_test].append(label)
                if not is_test and in_sample[label] < most:
                    in_sample[label] += 1
                    sample.append((content, label))
    for name, part in zip((catalog.TRAIN_LABELS, catalog.TEST_LABELS), labels, strict=True):
        idx.write(folder / name, np.frombuffer(part, np.uint8))
    counts = [np.bincount(np.frombuffer(part, np.uint8), minlength=classes) for part in labels]
    drawn, numbers = zip(*sample, strict=True) if sample else ((), ())
    shown = np.array(drawn, np.uint8).reshape(-1, *shape), np.array(numbers, np.uint8)
    return OwnDataset(np.stack(counts), skipped, shown)


def _example(skipped: dict[str, str]) -> str:
    """The first image that was left out, for a message."""
    for source, reason in skipped.items():
        return f" (left out: {len(skipped):,}, the first is {source}, which {reason})"
    return ""
