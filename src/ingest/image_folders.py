"""Folders of images, one per class, converted to the IDX files that the pipeline reads."""

import os
import re
import sys
import unicodedata
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, NoReturn

import numpy as np
from rich.console import Console
from rich.progress import Progress

from src.common.errors import PipelineError
from src.common.files import atomic_files, write_json
from src.ingest import catalog, idx
from src.ingest.classes import (
    CLASS_NAMES,
    CONVERSION,
    MAX_LABELS,
    is_class_name,
    random_test_images,
)
from src.ingest.files import find_files
from src.pictures.convert import convert
from src.pictures.decode import FORMAT_NAMES, SUFFIXES, PictureError, read_content

TRAIN, TEST = "train", "test"
VALIDATION = ("val", "valid", "validation")
WORKERS = min(4, os.cpu_count() or 1)  # more could need too much memory for large images
AHEAD = 16 * WORKERS  # images that are converted together, and are in memory


class ImageFile(NamedTuple):
    """An image of a class."""

    label: int
    is_test: bool
    path: str  # not Path, which takes much more memory


@dataclass(frozen=True)
class ImageFolders:
    """The images of a dataset, in an order that is the same on every machine."""

    names: list[str]  # of the classes, in the order of their numbers
    images: list[ImageFile]  # in the order of the classes
    ignored: list[str]  # files that are in no class folder, or have another suffix


def find_images(root: Path, test_fraction: float, seed: int) -> ImageFolders:
    """Find the images in ``root/<class>``, or in ``root/train/<class>`` and ``root/test/<class>``.

    Images in ``val``, ``valid`` or ``validation`` next to ``train`` and ``test`` are training
    images: the pipeline makes its own validation split. Class folders are searched with their
    subfolders. Classes are in natural order (9 before 10), their files in the order of their paths.
    Hidden files are ignored.

    Args:
        test_fraction: of each class, chosen at random, if there are no folders ``train`` and
            ``test``.
        seed: of this choice.

    Raises:
        PipelineError: ``root`` is not such a folder, or the names of its classes cannot be used.
        OSError: a subfolder cannot be read.
    """
    if not root.is_dir():
        raise PipelineError(f"{root} is missing or is not a folder")
    parts = _parts(root)
    members = list(_members(parts))
    names = sorted({name for name, _, _ in members}, key=_natural)
    if not 2 <= len(names) <= MAX_LABELS:
        raise PipelineError(
            f"{root} has {len(names)} class folders with {FORMAT_NAMES} files, but 2 to "
            f"{MAX_LABELS} are needed; give a folder with one folder per class "
            f"({root}/<class>/*.png), or with train and test folders ({root}/train/<class>/*.png "
            f"and {root}/test/<class>/*.png)"
        )
    numbers = {name: number for number, name in enumerate(names)}
    images = [ImageFile(numbers[name], is_test, path) for name, is_test, path in members]
    images.sort(key=lambda image: (image.label, image.is_test))
    if root in parts:
        labels = np.array([image.label for image in images], np.uint8)
        chosen = random_test_images(labels, test_fraction, seed).tolist()
        pairs = zip(images, chosen, strict=True)
        images = [image._replace(is_test=is_test) for image, is_test in pairs]
    ignored = sorted(set(_files(root)) - {image.path for image in images})
    return ImageFolders(names, images, ignored)


def _members(parts: dict[Path, bool]) -> Iterator[tuple[str, bool, str]]:
    """The class of each image, whether it is a test image, and its path."""
    for part, is_test in parts.items():
        for folder in _subfolders(part):
            paths = [path for path in _files(folder) if path.lower().endswith(SUFFIXES)]
            name = _class_name(folder) if paths else ""
            yield from ((name, is_test, path) for path in paths)


def _parts(root: Path) -> dict[Path, bool]:
    """The folders that contain class folders, and whether their images are test images."""
    folders = {path.name.casefold(): path for path in _subfolders(root)}
    order = (TRAIN, *VALIDATION, TEST)
    if folders.keys() >= {TRAIN, TEST}:
        return {folders[name]: name == TEST for name in order if name in folders}
    if folders and folders.keys() <= set(order):
        missing = TEST if TRAIN in folders else TRAIN
        raise PipelineError(
            f"{root} has {' and '.join(sorted(folders))} but no folder {missing}; add it, or give "
            "one of these folders: a random part of its images becomes the test split"
        )
    return {root: False}


def _class_name(path: Path) -> str:
    name = _normalized(path.name).strip()
    if not is_class_name(name):
        raise PipelineError(
            f"the folder {str(path)!r} cannot be the name of a class: it is blank, it has a line "
            "break, a control character or bytes that are not UTF-8, or it begins as a formula of "
            "a spreadsheet; rename it"
        )
    return name


def _files(folder: Path) -> list[str]:
    """The paths of all visible files in a folder and its subfolders, in order."""
    paths = []
    for parent, folders, names in os.walk(folder, onerror=_fail):
        folders[:] = [name for name in folders if not name.startswith(".")]
        paths += [os.path.join(parent, name) for name in names if not name.startswith(".")]
    return sorted(paths, key=_normalized)


def _fail(error: OSError) -> NoReturn:
    raise error


def _subfolders(folder: Path) -> list[Path]:
    paths = [path for path in folder.iterdir() if path.is_dir() and path.name[0] != "."]
    return sorted(paths, key=lambda path: _normalized(path.name))


def _normalized(text: str) -> str:
    return unicodedata.normalize("NFC", text)  # systems store accents in different ways


def _natural(name: str) -> tuple[list[str | int], str]:
    parts = re.split(r"(\d+)", name)  # every second part is a number
    return [int(part) if i % 2 else part.casefold() for i, part in enumerate(parts)], name


def import_images(
    found: ImageFolders,
    target: Path,
    shape: tuple[int, int],
    conversion: catalog.Conversion,
    replace: bool = False,
) -> tuple[np.ndarray, dict[str, str]]:
    """Write the four IDX files, ``labels.txt`` and ``conversion.json`` into ``target``, or nothing.

    ``labels.txt`` has the name of a class in each line, in the order of the class numbers. Images
    have the order of ``found``. Images that cannot be used are skipped.

    Args:
        target: created if it is missing.
        shape: height and width of the images.
        replace: whether to remove the dataset that ``target`` has; otherwise this is an error.

    Returns:
        ``int [2, K]``: the numbers of training and of test images of each class; and why a file was
        skipped, by its path.

    Raises:
        PipelineError: ``target`` has a dataset, or a class has too few images that can be used.
    """
    old = sorted({path for paths in find_files(target).values() for path in paths})
    old += [target / name for name in (CLASS_NAMES, CONVERSION) if (target / name).exists()]
    if old and not replace:
        raise PipelineError(
            f"{target} already has {', '.join(path.name for path in old)}; add --replace to "
            "replace what is there, or choose another folder with --into"
        )
    with atomic_files(target, old) as folder:
        labels, skipped = _write_images(found.images, folder, shape, conversion)
        counts = np.stack([np.bincount(part, minlength=len(found.names)) for part in labels])
        _check_counts(found.names, counts[0])
        for name, part in zip((catalog.TRAIN_LABELS, catalog.TEST_LABELS), labels, strict=True):
            idx.write(folder / name, part)
        (folder / CLASS_NAMES).write_bytes("".join(f"{n}\n" for n in found.names).encode())
        write_json(folder / CONVERSION, conversion)
    return counts, skipped


def _check_counts(names: list[str], counts: np.ndarray) -> None:
    for name, count in zip(names, counts, strict=True):
        if count < 2:  # one to train, one to validate
            raise PipelineError(
                f"the class {name!r} has {count} training images that can be used, but needs "
                "at least 2; add images or remove the class"
            )


def _write_images(
    images: list[ImageFile], folder: Path, shape: tuple[int, int], conversion: catalog.Conversion
) -> tuple[list[np.ndarray], dict[str, str]]:
    """Write the two files of images; return their labels, and why a file was skipped."""

    def converted(file: ImageFile) -> np.ndarray | str:
        try:
            return convert(read_content(Path(file.path)), file.path, shape, conversion).image
        except PictureError as error:  # it would keep the decoded file in memory
            return error.reason

    files = folder / catalog.TRAIN_IMAGES, folder / catalog.TEST_IMAGES
    labels, skipped = [bytearray(), bytearray()], {}
    progress = Progress(console=Console(stderr=True), disable=not sys.stderr.isatty())
    with (
        ThreadPoolExecutor(WORKERS) as pool,
        idx.appending(files[0], shape) as add,
        idx.appending(files[1], shape) as add_test,
        progress,
    ):
        for first in progress.track(range(0, len(images), AHEAD), description="images"):
            batch = images[first : first + AHEAD]
            for file, image in zip(batch, pool.map(converted, batch), strict=True):
                if isinstance(image, str):
                    skipped[file.path] = image
                else:
                    (add_test if file.is_test else add)(image)
                    labels[file.is_test].append(file.label)
    return [np.frombuffer(part, np.uint8) for part in labels], skipped
