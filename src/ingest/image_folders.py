"""Folders of images, one per class: which image belongs to which class and to which split."""

import os
import re
import unicodedata
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, NoReturn

from src.common.errors import PipelineError
from src.ingest.classes import is_class_name
from src.ingest.division import MAX_LABELS
from src.ingest.files import IMAGE_SUFFIXES
from src.pictures.decode import FORMAT_NAMES

TRAIN, TEST = "train", "test"
VALIDATION = ("val", "valid", "validation")


class ImageFile(NamedTuple):
    """An image of a class."""

    label: int
    is_test: bool
    path: str  # not Path, which takes much more memory


@dataclass(frozen=True)
class ImageFolders:
    """The images of a dataset, in an order that is the same on every machine."""

    names: list[str]  # of the classes, in the order of their numbers
    images: list[ImageFile]  # in the order of the classes; training images before test images
    is_divided: bool  # whether there are folders for the training and the test images
    ignored: int  # number of files that are in no class folder, or have another suffix
    warnings: list[str]


def find_images(root: Path) -> ImageFolders:
    """Find the images in ``root/<class>``, or in ``root/train/<class>`` and ``root/test/<class>``.

    Images in ``val``, ``valid`` or ``validation`` next to ``train`` and ``test`` are training
    images: the pipeline makes its own validation split. Class folders are searched with their
    subfolders. Classes are in natural order (9 before 10), their files in the order of their paths.
    Hidden files are ignored.

    Raises:
        PipelineError: ``root`` is not such a folder, or the names of its classes cannot be used.
        OSError: a subfolder cannot be read.
    """
    if not root.is_dir():
        raise PipelineError(f"{root} is missing or is not a folder; give {_layout(root)}")
    parts = _parts(root)
    found, warnings = [], []
    for part, is_test in parts.items():
        folders = _subfolders(part)
        if not folders:
            raise PipelineError(f"{part} has no class folders; give {_layout(root)}")
        for folder in folders:
            paths = [path for path in _files(folder) if Path(path).suffix.lower() in IMAGE_SUFFIXES]
            found += [(_class_name(folder), is_test, path) for path in paths]
            if not paths:
                warnings.append(f"{folder} has no images")
    names = sorted({name for name, _, _ in found}, key=_natural)
    _check_classes(root, names, {name for name, is_test, _ in found if not is_test})
    numbers = {name: number for number, name in enumerate(names)}
    images = [ImageFile(numbers[name], is_test, path) for name, is_test, path in found]
    images.sort(key=lambda image: (image.label, image.is_test))
    return ImageFolders(names, images, root not in parts, len(_files(root)) - len(images), warnings)


def _layout(root: Path) -> str:
    return (
        f"a folder with one folder per class ({root}/<class>/*.png), or with train and test "
        f"folders ({root}/train/<class>/*.png and {root}/test/<class>/*.png)"
    )


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
    name = unicodedata.normalize("NFC", path.name).strip()
    if not is_class_name(name):
        raise PipelineError(
            f"the folder {str(path)!r} cannot be the name of a class: it is blank, or it has a "
            "line break, a control character or bytes that are not UTF-8; rename it"
        )
    return name


def _check_classes(root: Path, names: list[str], trained: set[str]) -> None:
    if unknown := [name for name in names if name not in trained]:
        raise PipelineError(
            f"the class {unknown[0]!r} has test images but no training images in {root}; add "
            "training images, or remove its folder"
        )
    if not 2 <= len(names) <= MAX_LABELS:
        raise PipelineError(
            f"{root} has {len(names)} class folders with {FORMAT_NAMES} files, but 2 to "
            f"{MAX_LABELS} are needed; give {_layout(root)}"
        )


def _files(folder: Path) -> list[str]:
    """The paths of all visible files in a folder and its subfolders, in order."""
    paths = []
    for parent, folders, names in os.walk(folder, onerror=_fail):
        folders[:] = [name for name in folders if not name.startswith(".")]
        paths += [os.path.join(parent, name) for name in names if not name.startswith(".")]
    return sorted(paths, key=_order)


def _subfolders(folder: Path) -> list[Path]:
    paths = [path for path in folder.iterdir() if path.is_dir() and path.name[0] != "."]
    return sorted(paths, key=lambda path: _order(path.name))


def _order(path: str) -> tuple[str, str]:
    # Systems store accents in different ways; the second part is for files that differ only in it.
    return unicodedata.normalize("NFC", path), path


def _natural(name: str) -> tuple[list[str | int], str]:
    parts = re.split(r"(\d+)", name)  # every second part is a number
    return [int(each) if i % 2 else each.casefold() for i, each in enumerate(parts)], name


def _fail(error: OSError) -> NoReturn:
    raise error
