"""Folders of images: the classes and splits that the names of the folders say."""

import os
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from typing import NoReturn, TypeVar

import pandas as pd

from src.common.errors import PipelineError
from src.ingest.classes import check_class_name, natural_order
from src.pictures.decode import SUFFIXES, PictureError, read_content

# A folder of a split: seg_train, Training, test-images, valid …
SPLIT = re.compile(r"(?:^|[^a-z])(train(?:ing)?|test(?:ing)?|val(?:id(?:ation)?)?)(?:[^a-z]|$)")
# Files that people have, but that are not read; by the end of their name.
OTHER_KINDS = {
    (".zip", ".tar", ".tar.gz", ".tgz", ".rar", ".7z"): (
        "an archive; unpack it, and give the folder of its images"
    ),
    (".dng", ".cr2", ".cr3", ".nef", ".arw", ".raf", ".orf", ".rw2"): (
        "a RAW photograph; export it as JPEG or PNG"
    ),
    (".npz", "-ubyte", "-ubyte.gz"): (
        "read without an import; put the files of the dataset into data/incoming"
    ),
    (".pkl", ".pickle", ".pkl.gz"): (
        "a pickle, which could run any code; get the dataset as IDX, CSV or Parquet files"
    ),
    (".mat",): "a MATLAB file; read it with scipy.io.loadmat, and save it with numpy.savez",
}
WORKERS = min(4, os.cpu_count() or 1)  # more could need too much memory for large images
AHEAD = 16 * WORKERS  # images that are converted together, and are in memory
Result = TypeVar("Result")
Layout = dict[str, list[str]]  # the names of the folders around each file, by its path


def find_images(root: Path) -> tuple[pd.DataFrame, list[str]]:
    """Find the images in ``root/<class>``, or in ``root/train/<class>`` and ``root/test/<class>``.

    The folders of the splits can have longer names, such as ``seg_train`` or ``Testing``. Images in
    ``val`` or ``validation`` are training images, because the pipeline makes its own validation
    split; or test images, if there are no others. Class folders are searched with their subfolders.
    Classes are in natural order, their files in the order of their paths.

    Returns:
        The images: ``members`` of ``write_dataset``; and the files that are in no class folder or
        have another suffix. Hidden files are ignored.

    Raises:
        PipelineError: ``root`` is not such a folder, or the names of its classes cannot be used.
    """
    if not root.is_dir():
        what = kind_of(str(root)) or "missing or is not a folder of images"
        raise PipelineError(f"{root} is {what}")
    files = _files(root)
    known = [path for path in files if is_image(path) or kind_of(path)]
    layout = {path: path[len(str(root)) + 1 :].split(os.sep)[:-1] for path in known}
    members = [
        (check_class_name(_normalized(folder).strip(), f"folder {folder}"), is_test, path)
        for folder, is_test, path in _members(layout)
    ]
    members.sort(key=lambda member: (natural_order(member[0]), member[1]))
    images = [member for member in members if is_image(member[2])]
    with_images = {name for name, _, _ in images}
    for name, _, path in members:
        if name not in with_images:
            raise PipelineError(f"the class {name!r} has no images: {path} is {kind_of(path)}")
    table = pd.DataFrame(images, columns=["class", "is_test", "source"])
    return table, sorted({*files} - {*table.source})


def is_image(path: str) -> bool:
    """Whether the name of a file is that of an image."""
    return path.lower().endswith(SUFFIXES)


def kind_of(path: str) -> str:
    """What a file is that people have, but that is not read, and what to do; empty if unknown."""
    kinds = OTHER_KINDS.items()
    return next((what for ends, what in kinds if path.lower().endswith(ends)), "")


def image_files(folder: Path) -> list[str]:
    """The paths of all visible image files in a folder and its subfolders, in order."""
    return [path for path in _files(folder) if is_image(path)]


def converted_images(
    files: Iterable[str | bytes], convert: Callable[[bytes], Result]
) -> Iterator[Result | str]:
    """Convert files (paths or contents), several at the same time.

    Yields, in order, the result of ``convert``, or why it raised a ``PictureError``.
    """

    def converted(file: str | bytes) -> Result | str:
        try:
            content = file if isinstance(file, bytes) else read_content(Path(file))
            return convert(content)
        except PictureError as error:  # it would keep the decoded file in memory
            return str(error)

    left = iter(files)
    with ThreadPoolExecutor(WORKERS) as pool:
        while batch := list(islice(left, AHEAD)):
            yield from pool.map(converted, batch)


def _members(files: Layout) -> Iterator[tuple[str, bool | None, str]]:
    """The class of each file, whether it is for the test (None: not known), and its path."""
    files = _unwrapped(files)
    names = {folders[0] for folders in files.values()}
    nested = names - {folders[0] for folders in files.values() if len(folders) == 1}
    splits = {name: _split(name) for name in nested}
    found = {*splits.values()} - {""}
    if found > {"train"}:
        is_test = {"train": False, "validation": "test" not in found, "test": True}
        for split in is_test:
            inside = {p: f[1:] for p, f in files.items() if splits.get(f[0]) == split}
            for path, folders in _unwrapped(inside).items():
                yield folders[0], is_test[split], path
    elif found and (flat := [name for name in names - nested if _split(name)]):
        raise PipelineError(
            f"{flat[0]} has images, but no folder per class; give only the folder with the classes "
            f"({min(nested)}), and predict the other images with `python -m src.apps.predict`"
        )
    elif nested or (names and all(map(_split, names))):
        shown = " and ".join(sorted(nested or names)[:5])
        raise PipelineError(
            f"{shown} are neither classes, with images, nor splits, with a folder per class: name "
            "the splits train and test, or give a folder that has one folder of images per class"
        )
    else:
        yield from ((folders[0], None, path) for path, folders in files.items())


def _unwrapped(files: Layout) -> Layout:
    """Without the folders around all class folders, which archives add; and without stray files."""
    inside = {path: folders for path, folders in files.items() if folders}
    is_one = len({folders[0] for folders in inside.values()}) == 1
    if is_one and min(map(len, inside.values())) > 1:
        return _unwrapped({path: folders[1:] for path, folders in inside.items()})
    return inside


def _split(name: str) -> str:
    """The split that the name of a folder says, or an empty text."""
    found = SPLIT.search(name.casefold())
    words = {"tr": "train", "te": "test", "va": "validation"}
    return words[found[1][:2]] if found else ""


def _files(folder: Path) -> list[str]:
    """The paths of all visible files in a folder and its subfolders, in order."""
    paths = []
    for parent, folders, names in os.walk(folder, onerror=_fail, followlinks=True):
        folders[:] = [name for name in folders if not name.startswith(".")]
        paths += [os.path.join(parent, name) for name in names if not name.startswith(".")]
    return sorted(paths, key=_normalized)


def _fail(error: OSError) -> NoReturn:
    raise error


def _normalized(text: str) -> str:
    return unicodedata.normalize("NFC", text)  # systems store accents in different ways
