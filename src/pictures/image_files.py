"""Lists image files, in an order that is the same on every machine. Hidden files are ignored."""

import os
import unicodedata
from pathlib import Path
from typing import NoReturn

from src.ingest.names import IMAGE_SUFFIXES

SUFFIXES = IMAGE_SUFFIXES | {".gif"}  # in lower case


def find_files(folder: Path) -> tuple[list[str], int]:
    """Find the image files in a folder and its subfolders; links to folders are not followed.

    Returns:
        The paths in the folder, in order (not ``Path``, which takes much more memory), and the
        number of other files.

    Raises:
        OSError: a subfolder cannot be read.
    """
    images, others = [], 0
    for parent, folders, names in os.walk(folder, onerror=_fail):
        folders[:] = [name for name in folders if not _is_hidden(name)]
        inside = os.path.relpath(parent, folder)
        for name in names:
            if is_image(Path(parent, name)):
                images.append(os.path.normpath(os.path.join(inside, name)))
            elif not _is_hidden(name):
                others += 1
    return sorted(images, key=_order), others


def subfolders(folder: Path) -> list[Path]:
    """Return the folders in a folder, in order."""
    return [path for path in _visible(folder) if path.is_dir()]


def count_images(folder: Path) -> int:
    """Return the number of images directly in a folder."""
    return sum(map(is_image, _visible(folder)))


def is_image(path: Path) -> bool:
    """Whether a path may be an image file. Devices and pipes, which could block, are not."""
    is_file = path.is_file() or not path.exists()  # a broken link is an image that is missing
    return path.suffix.lower() in SUFFIXES and is_file and not _is_hidden(path.name)


def _visible(folder: Path) -> list[Path]:
    paths = [path for path in folder.iterdir() if not _is_hidden(path.name)]
    return sorted(paths, key=lambda path: _order(path.name))


def _is_hidden(name: str) -> bool:
    return name.startswith(".")


def _order(path: str) -> tuple[str, str]:
    # Systems store accents in different ways; the second part is for files that differ only in it.
    return unicodedata.normalize("NFC", path), path


def _fail(error: OSError) -> NoReturn:
    raise error
