"""Folders of images, one per class, converted to the IDX files that the pipeline reads."""

import os
import re
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

# A folder of a split: seg_train, Training, test-images, valid …
SPLIT = re.compile(r"(?:^|[^a-z])(train(?:ing)?|test(?:ing)?|val(?:id(?:ation)?)?)(?:[^a-z]|$)")
# Files that people have, but that are not read.
PACKED = "an archive; unpack it, and give the folder of its images"
RAW = "a RAW photograph; export it as JPEG or PNG"
NO_IMPORT = "read without an import; put the files of the dataset into data/incoming"
OTHER_KINDS = {
    **dict.fromkeys((".zip", ".tar", ".tar.gz", ".tgz", ".rar", ".7z"), PACKED),
    **dict.fromkeys((".dng", ".cr2", ".cr3", ".nef", ".arw", ".raf", ".orf", ".rw2"), RAW),
    **dict.fromkeys((".npz", "-ubyte", "-ubyte.gz"), NO_IMPORT),
    **dict.fromkeys(
        (".pkl", ".pickle", ".pkl.gz"),
        "a pickle, which could run any code; get the dataset as IDX, CSV or Parquet files",
    ),
    ".mat": "a MATLAB file; read it with scipy.io.loadmat, and save it with numpy.savez",
}
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

    The folders of the splits can have longer names, such as ``seg_train`` or ``Testing``. Images in
    ``val`` or ``validation`` are training images, because the pipeline makes its own validation
    split; or test images, if there are no others. Class folders are searched with their subfolders.
    Classes are in natural order (9 before 10), their files in the order of their paths. Hidden
    files are ignored.

    Args:
        test_fraction: of each class, chosen at random, if there are no folders of splits.
        seed: of this choice.

    Raises:
        PipelineError: ``root`` is not such a folder, or the names of its classes cannot be used.
        OSError: a subfolder cannot be read.
    """
    if not root.is_dir():
        what = kind_of(str(root)) or "missing or is not a folder of images"
        raise PipelineError(f"{root} is {what}")
    root = _innermost(root)
    members = list(_members(parts := _parts(root)))
    names = in_natural_order({name for name, _, _ in members})
    if not 2 <= len(names) <= MAX_LABELS or all(map(_split, names)):
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


def kind_of(path: str) -> str:
    """What a file is that people have, but that is not read, and what to do; empty if unknown."""
    name = path.lower()
    return next((what for suffix, what in OTHER_KINDS.items() if name.endswith(suffix)), "")


def image_files(folder: Path) -> list[str]:
    """The paths of all visible image files in a folder and its subfolders, in order."""
    return [path for path in _files(folder) if path.lower().endswith(SUFFIXES)]


def _members(parts: dict[Path, bool]) -> Iterator[tuple[str, bool, str]]:
    """The class of each image, whether it is a test image, and its path."""
    for part, is_test in parts.items():
        for folder in _subfolders(part):
            files = _files(folder)
            paths = [path for path in files if path.lower().endswith(SUFFIXES)]
            if not paths and (kinds := [(path, kind) for path in files if (kind := kind_of(path))]):
                raise PipelineError(f"{folder} has no images: {kinds[0][0]} is {kinds[0][1]}")
            name = _class_name(folder) if paths else ""
            yield from ((name, is_test, path) for path in paths)


def _parts(root: Path) -> dict[Path, bool]:
    """The folders that contain class folders, and whether their images are test images."""
    nested = [folder for folder in _subfolders(root) if _holds_only_folders(folder)]
    splits = {folder: split for folder in nested if (split := _split(folder.name))}
    train, test = ([f for f in splits if splits[f] == split] for split in ("train", "test"))
    validation = [folder for folder in splits if splits[folder] == "validation"]
    if train and (test or validation):
        parts = dict.fromkeys(train, False) | dict.fromkeys(validation, not test)
        parts |= dict.fromkeys(test, True)
        return {_innermost(folder): is_test for folder, is_test in parts.items()}
    if not nested:
        return {root: False}
    found = " and ".join(folder.name for folder in nested[:5])
    if splits:
        missing = "test" if train else "train"
        raise PipelineError(
            f"{root} has {found} but no folder {missing}; add it, or give one of these folders: a "
            "random part of its images becomes the test split"
        )
    raise PipelineError(
        f"{root} has {found} with folders but no images in them, so they are no classes; name the "
        "folders of the two splits train and test, or give the folder that has one folder per class"
    )


def _split(name: str) -> str:
    """The split that the name of a folder says, or an empty text."""
    found = SPLIT.search(name.casefold())
    words = {"tr": "train", "te": "test", "va": "validation"}
    return words[found[1][:2]] if found else ""


def _holds_only_folders(folder: Path) -> bool:
    """Whether there are images in the subfolders of a folder, and none next to these."""
    paths = image_files(folder)
    return bool(paths) and all(os.path.dirname(path) != str(folder) for path in paths)


def _innermost(folder: Path) -> Path:
    """The folder, or the one inside of it that an archive has added: seg_train/seg_train."""
    while len(inner := _subfolders(folder)) == 1 and _holds_only_folders(inner[0]):
        folder = inner[0]
    return folder


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
