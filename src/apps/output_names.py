"""Names for the files that a program writes next to files of the user."""

import os
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, count
from pathlib import Path

from src.common.files import file_name

SUFFIX = "-prediction"


def output_paths(folder: Path, stems: Sequence[str], inputs: Iterable[Path]) -> list[Path]:
    """A PNG file in ``folder`` for each stem: ``7-prediction.png``, ``7-prediction-2.png``, …

    No two are the same file, also where upper and lower case are not distinguished, and none is one
    of ``inputs``. Files of an earlier call are used again.
    """
    used, paths = set(map(_fold, _places(inputs))), []
    real = Path(os.path.realpath(folder))
    for stem in stems:
        name = f"{file_name(stem)}{SUFFIX}"
        names = chain([f"{name}.png"], (f"{name}-{number}.png" for number in count(2)))
        chosen = next(each for each in names if _fold(str(real / each)) not in used)
        used.add(_fold(str(real / chosen)))
        paths.append(folder / chosen)
    return paths


def _places(inputs: Iterable[Path]) -> Iterator[str]:
    """The place of each path, and of the file that it links to."""
    for path in inputs:
        yield os.path.join(os.path.realpath(path.parent), path.name)
        yield os.path.realpath(path)  # not Path.resolve, which refuses a loop of links


def _fold(path: str) -> str:
    """The same text for all paths that a file system may consider as the same file."""
    return unicodedata.normalize("NFC", path).casefold()
