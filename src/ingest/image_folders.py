"""Folders of images, one per class, converted to the IDX files that the pipeline reads."""

import os
import unicodedata
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, NoReturn

import numpy as np

from src.common.errors import PipelineError
from src.ingest import catalog
from src.ingest.classes import MAX_LABELS, in_natural_order, is_class_name, random_test_images
from src.ingest.own_dataset import OwnImage
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
    names = in_natural_order({name for name, _, _ in members})
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


def converted_images(
    found: ImageFolders, shape: tuple[int, int], conversion: catalog.Conversion
) -> Iterator[OwnImage]:
    """Convert the images to ``shape``, height and width, several at the same time, in order."""

    def content(file: ImageFile) -> np.ndarray | str:
        try:
            return convert(read_content(Path(file.path)), file.path, shape, conversion).image
        except PictureError as error:  # it would keep the decoded file in memory
            return error.reason

    with ThreadPoolExecutor(WORKERS) as pool:
        for first in range(0, len(found.images), AHEAD):
            batch = found.images[first : first + AHEAD]
            for file, image in zip(batch, pool.map(content, batch), strict=True):
                yield OwnImage(file.path, file.label, file.is_test, image)
