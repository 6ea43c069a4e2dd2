"""What a dataset says about its images, apart from the IDX files: class names and conversion."""

import json
import unicodedata
from pathlib import Path
from typing import TypedDict

from src.common.errors import PipelineError
from src.ingest import catalog
from src.ingest.division import MAX_LABELS

CLASS_NAMES = "labels.txt"  # one name per line, in the order of the class numbers
CONVERSION = "conversion.json"
# Control characters, line and paragraph separators, and bytes that are not UTF-8.
UNUSABLE = ("Cc", "Zl", "Zp", "Cs")
DIRECTIONS = set(map(chr, (*range(0x202A, 0x202F), *range(0x2066, 0x206A))))  # can hide text


class Properties(TypedDict):
    """The part of ``dataset.json`` that does not follow from the IDX files."""

    class_names: list[str]  # empty: the classes have no names
    conversion: catalog.Conversion


def known_properties(dataset: str) -> Properties:
    """Return the properties of a dataset of the catalogue, or of ``digits``."""
    if dataset == "digits":
        return {"class_names": list(catalog.DIGITS), "conversion": catalog.DRAWINGS}
    known = catalog.CATALOGUE[dataset]
    return {"class_names": list(known.class_names), "conversion": known.conversion}


def read_properties(folder: Path) -> Properties:
    """Read ``labels.txt`` and ``conversion.json`` of a user's dataset; both are optional.

    Raises:
        PipelineError: a file is damaged.
    """
    return {
        "class_names": _read_class_names(folder / CLASS_NAMES),
        "conversion": _read_conversion(folder / CONVERSION),
    }


def complete_class_names(names: list[str], classes: int) -> list[str]:
    """Return a name for each class: its number, if the dataset has no names.

    Raises:
        PipelineError: there are fewer names than classes.
    """
    if not names:
        return [str(number) for number in range(classes)]
    if len(names) < classes:
        raise PipelineError(
            f"{CLASS_NAMES} has {len(names)} names, but the labels have {classes} classes, 0 to "
            f"{classes - 1}; write one name per line, the name of class 0 first"
        )
    return names


def is_class_name(text: str) -> bool:
    """Whether the text can be shown in a line, and be written as UTF-8."""
    is_unusable = any(unicodedata.category(each) in UNUSABLE for each in text)
    return bool(text) and not is_unusable and not DIRECTIONS & set(text)


def _read_class_names(path: Path) -> list[str]:
    if not path.exists():
        return []
    try:
        names = [line.strip() for line in _read_text(path).splitlines()]
    except (OSError, UnicodeDecodeError) as error:
        raise PipelineError(f"{path} cannot be read ({error}); save it as UTF-8 text") from None
    while names and not names[-1]:
        names.pop()
    mistake = None
    if not 2 <= len(names) <= MAX_LABELS:
        mistake = f"{len(names):,} names"
    elif "" in names:
        mistake = "an empty line"
    elif repeated := [name for name in names if names.count(name) > 1]:
        mistake = f"the name {repeated[0]!r} more than once"
    elif unusable := [name for name in names if not is_class_name(name)]:
        mistake = f"a control character in {unusable[0]!r}"
    if mistake:
        raise PipelineError(
            f"{path} has {mistake}; write one name per line for each of the 2 to {MAX_LABELS} "
            "classes, or remove the file"
        )
    return names


def _read_conversion(path: Path) -> catalog.Conversion:
    if not path.exists():
        return catalog.LIGHT_ON_DARK
    try:
        found = json.loads(_read_text(path))
    except (OSError, ValueError, RecursionError) as error:
        raise PipelineError(f"{path} cannot be read ({error}); remove it") from None
    match found:
        case {"framed": bool(framed), "light_on_dark": bool(light_on_dark)}:
            return {"framed": framed, "light_on_dark": light_on_dark}
    raise PipelineError(f"{path} must have framed and light_on_dark, each true or false")


def _read_text(path: Path) -> str:
    """Read UTF-8 text; an OSError if this is not a file: a named pipe would wait for a writer."""
    if not path.is_file():
        raise OSError("not a file")
    return path.read_text("utf-8-sig")
