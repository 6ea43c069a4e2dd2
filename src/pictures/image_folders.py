"""Folders of images, one per class: which image belongs to which class and to which split."""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from src.common.errors import PipelineError
from src.ingest.division import MAX_LABELS
from src.ingest.properties import is_class_name
from src.pictures.decode import FORMAT_NAMES
from src.pictures.image_files import count_images, find_files, subfolders

TRAIN, TEST = "train", "test"
VALIDATION = ("val", "valid", "validation")


@dataclass(frozen=True)
class ClassFolder:
    """A folder with images of one class."""

    name: str  # of the class
    is_test: bool
    path: Path
    files: list[str]  # paths in the folder, in order
    ignored: int  # number of files that have not the suffix of an image


@dataclass(frozen=True)
class ImageFolders:
    """The images of a dataset, in an order that is the same on every machine."""

    names: list[str]  # of the classes, in the order of their numbers
    folders: list[ClassFolder]  # in the order of the classes; training images before test images
    is_divided: bool  # whether there are folders for the training and the test images
    ignored: int  # number of files that have not the suffix of an image
    warnings: list[str]

    def images(self) -> Iterator[tuple[int, bool, Path]]:
        """Yield the class number of each image, whether it is a test image, and its path."""
        for each in self.folders:
            number = self.names.index(each.name)
            for file in each.files:
                yield number, each.is_test, each.path / file

    def counts(self) -> np.ndarray:
        """Return ``int [2, K]``: the numbers of training and of test images of each class."""
        counts = np.zeros((2, len(self.names)), int)
        for each in self.folders:
            counts[int(each.is_test), self.names.index(each.name)] += len(each.files)
        return counts


def find_images(root: Path) -> ImageFolders:
    """Find the images in ``root/<class>``, or in ``root/train/<class>`` and ``root/test/<class>``.

    Images in ``val``, ``valid`` or ``validation`` next to ``train`` and ``test`` are training
    images: the pipeline makes its own validation split. Class folders are searched with their
    subfolders. Classes are in natural order (9 before 10), their files in the order of their paths.

    Raises:
        PipelineError: ``root`` is not such a folder, or the names of its classes cannot be used.
    """
    if not root.is_dir():
        raise PipelineError(f"{root} is missing or is not a folder; give {_layout(root)}")
    parts = _parts(root)
    found = [each for path in parts for each in _class_folders(path, root, parts[path])]
    filled = [each for each in found if each.files]
    names = sorted({each.name for each in filled}, key=_natural)
    _check_classes(root, names, {each.name for each in filled if not each.is_test})
    empty = [f"{each.path} has no images" for each in found if not each.files]
    return ImageFolders(
        names,
        sorted(filled, key=lambda each: (names.index(each.name), each.is_test)),
        root not in parts,
        sum(each.ignored for each in found),
        _warnings(root, list(parts)) + empty,
    )


def _layout(root: Path) -> str:
    return (
        f"a folder with one folder per class ({root}/<class>/*.png), or with train and test "
        f"folders ({root}/train/<class>/*.png and {root}/test/<class>/*.png)"
    )


def _parts(root: Path) -> dict[Path, bool]:
    """The folders that contain class folders, and whether their images are test images."""
    folders = {path: path.name.casefold() for path in subfolders(root)}
    names, order = set(folders.values()), (TRAIN, *VALIDATION, TEST)
    if names >= {TRAIN, TEST}:
        chosen = sorted(
            (path for path, name in folders.items() if name in order),
            key=lambda path: order.index(folders[path]),
        )
        return {path: folders[path] == TEST for path in chosen}
    if names and names <= set(order):
        missing = TEST if TRAIN in names else TRAIN
        raise PipelineError(
            f"{root} has {' and '.join(sorted(names))} but no folder {missing}; add it, or give "
            "one of these folders: a random part of its images becomes the test split"
        )
    return {root: False}


def _class_folders(parent: Path, root: Path, is_test: bool) -> list[ClassFolder]:
    found: dict[str, ClassFolder] = {}
    for path in subfolders(parent):
        name = _class_name(path)
        if name in found:
            raise PipelineError(
                f"the folders {str(found[name].path)!r} and {str(path)!r} have the same class name "
                f"{name!r}; rename one of them, or move its images into the other"
            )
        if root.resolve().is_relative_to(path.resolve()):
            raise PipelineError(
                f"{path} is a link to a folder that contains it, with the images of all classes; "
                "remove the link"
            )
        found[name] = ClassFolder(name, is_test, path, *find_files(path))
    if not found:
        images = "images, but " if count_images(parent) else ""
        raise PipelineError(f"{parent} has {images}no class folders; give {_layout(root)}")
    return list(found.values())


def _class_name(path: Path) -> str:
    name = unicodedata.normalize("NFC", path.name).strip()
    if not name or not is_class_name(path.name):
        raise PipelineError(
            f"the folder {str(path)!r} cannot be the name of a class: it is blank, or it has a "
            "line break, a control character or bytes that are not UTF-8; rename it"
        )
    return name


def _check_classes(root: Path, names: list[str], trained: set[str]) -> None:
    if not names:
        raise PipelineError(
            f"the class folders in {root} have no images; put {FORMAT_NAMES} files into them"
        )
    if unknown := [name for name in names if name not in trained]:
        raise PipelineError(
            f"the class {unknown[0]!r} has test images but no training images in {root}; add "
            "training images, or remove its folder"
        )
    if not 2 <= len(names) <= MAX_LABELS:
        raise PipelineError(
            f"{root} has {len(names)} class folder{'s' * (len(names) > 1)} with images, but 2 to "
            f"{MAX_LABELS} are needed; give {_layout(root)}"
        )


def _warnings(root: Path, parts: list[Path]) -> list[str]:
    """Say which folders and images are used in another way than the user may expect."""
    warnings = [
        f"images directly in {path} are ignored: they are in no class folder"
        for path in dict.fromkeys([root, *parts])
        if count_images(path)
    ]
    if root not in parts:
        for path in subfolders(root):
            if path not in parts:
                warnings.append(f"images in {path} are ignored: it is next to train and test")
            elif path.name.casefold() in VALIDATION:
                warnings.append(
                    f"the images in {path} are training images: the pipeline makes its own "
                    "validation split of them"
                )
    return warnings


def _natural(name: str) -> tuple[list[str | int], str]:
    parts = re.split(r"(\d+)", name)  # every second part is a number
    return [int(each) if i % 2 else each.casefold() for i, each in enumerate(parts)], name
