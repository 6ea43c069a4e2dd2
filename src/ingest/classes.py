"""The classes of a dataset: their names, checks of the labels, and samples of all classes."""

import json
import re
import unicodedata
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal

import numpy as np

from src.common.errors import PipelineError
from src.ingest.catalog import LIGHT_ON_DARK
from src.pictures.convert import Conversion
from src.pictures.decode import DEPTHS

CLASS_NAMES = "labels.txt"  # one name per line, in the order of the class numbers
CONVERSION = "conversion.json"
MAX_LABELS = 256  # the values of a byte
PART = 5  # one image in five is for validation, at most, unless there are many small classes
# Control characters, line and paragraph separators, and bytes that are not UTF-8.
UNUSABLE = ("Cc", "Zl", "Zp", "Cs")
# In a CSV file, a spreadsheet runs such a name; a sign alone or in front of a number is harmless.
FORMULA = re.compile(r"[=+@-](?![\d.]*$)")
Counts = dict[str, np.ndarray]  # for each split, int [256]: how many images have each label
DivisionRule = Literal["first", "stratified"]


def read_properties(folder: Path) -> dict[str, Any]:
    """Read ``labels.txt`` and ``conversion.json`` of a user's dataset; both are optional.

    Returns ``class_names``, empty if the classes have no names, and ``conversion``, a
    ``Conversion``; a PipelineError is raised if a file is damaged.
    """
    names, conversion = folder / CLASS_NAMES, folder / CONVERSION
    return {
        "class_names": _read_class_names(names) if names.exists() else [],
        "conversion": _read_conversion(conversion) if conversion.exists() else LIGHT_ON_DARK,
    }


def check_class_name(name: str, place: str) -> str:
    """Return the name of a class, if it can be shown in a line and written to any file.

    A PipelineError is raised if it is blank, a formula, or cannot be shown or written as UTF-8.
    """
    is_line = not any(unicodedata.category(character) in UNUSABLE for character in name)
    if not name:
        raise PipelineError(f"{place}: the name of the class is missing; add it")
    if not is_line or FORMULA.match(name):
        raise PipelineError(
            f"{place}: {name!r} cannot be the name of a class: it has a line break, a control "
            "character or bytes that are not UTF-8, or begins as a formula of a spreadsheet; "
            "correct it"
        )
    return name


def natural_order(name: str) -> tuple[list[str | int], str]:
    """A key to sort the names of classes: 9 before 10, small and capital letters together."""
    parts = re.split(r"(\d+)", name)  # every second part is a number
    return [int(part) if i % 2 else part.casefold() for i, part in enumerate(parts)], name


def _read_class_names(path: Path) -> list[str]:
    try:
        lines = path.read_text("utf-8-sig").rstrip().split("\n")
    except UnicodeDecodeError as error:
        raise PipelineError(f"{path} cannot be read ({error}); save it as UTF-8 text") from None
    names = [check_class_name(line.strip(), f"{path}, line {i}") for i, line in enumerate(lines, 1)]
    if not 2 <= len(names) <= MAX_LABELS or len(set(names)) < len(names):
        raise PipelineError(
            f"{path} has {len(names):,} lines, {len(set(names)):,} of them different; write one "
            f"name per line for each of the 2 to {MAX_LABELS} classes, or remove the file"
        )
    return names


def _read_conversion(path: Path) -> Conversion:
    with suppress(ValueError):  # it is no JSON, or no UTF-8
        content = json.loads(path.read_text("utf-8-sig"))
        match content:
            case {"center_like_mnist": bool(), "light_on_dark": bool()} if (
                content.get("bits", 16) in DEPTHS
            ):
                return content
    raise PipelineError(
        f"{path} must be JSON with center_like_mnist and light_on_dark, each true or false, and "
        f"can have bits, one of {', '.join(map(str, DEPTHS))}; correct it or remove it"
    )


def check_classes(counts: Counts, names: list[str]) -> list[str]:
    """Return a name for each class: its number, if the dataset has no names.

    Raises:
        PipelineError: there are fewer than two classes, or fewer names than classes; or the
            validation or test split has a class that the training split lacks.
    """
    used = np.flatnonzero(counts["train"] + counts["validation"])
    if len(used) < 2:
        raise PipelineError(
            f"all training images have the label {used[0]}, but 2 to {MAX_LABELS} classes are "
            "needed; use a label file that numbers the classes from 0"
        )
    remedies = {"validation": "set data.split to stratified", "test": "correct the test files"}
    for split, remedy in remedies.items():
        unknown = np.flatnonzero((counts[split] > 0) & (counts["train"] == 0))
        if len(unknown):
            raise PipelineError(
                f"{counts[split][unknown].sum():,} {split} images have {_listed(unknown)}, which "
                f"no image of the training split has; {remedy}"
            )
    if names and len(names) <= used[-1]:
        raise PipelineError(
            f"{CLASS_NAMES} has {len(names)} names, but the labels are 0 to {used[-1]}; write one "
            "name per line, the name of class 0 first"
        )
    return names or [str(number) for number in range(used[-1] + 1)]


def missing_labels(counts: Counts, split: str) -> list[str]:
    """Return a sentence if the split lacks a class of the training split, otherwise nothing."""
    missing = np.flatnonzero((counts["train"] > 0) & (counts[split] == 0))
    sentence = f"{split} has no image with {_listed(missing)}; the training split has"
    return [sentence] if len(missing) else []


def _listed(labels: np.ndarray) -> str:
    more = f" and {len(labels) - 10} more" if len(labels) > 10 else ""
    return f"label {', '.join(map(str, labels[:10]))}{more}"


def validation_images(labels: np.ndarray, count: int, rule: DivisionRule, seed: int) -> np.ndarray:
    """Return ``bool [N]``: the images for validation, about ``count`` and at most a fifth.

    ``first`` are the first images. ``stratified`` is a random sample that has each class in
    proportion, and at least one image of each class; one is also left to train.

    Args:
        labels: ``uint8 [N]``; for ``stratified``, with at least two images of each class.
        seed: of the random sample.
    """
    count = min(count, len(labels) // PART)
    if rule == "first":
        return np.arange(len(labels)) < count
    sizes = np.bincount(labels, minlength=MAX_LABELS)
    return _sample(labels, _quotas(sizes, count), seed)


def random_test_images(labels: np.ndarray, fraction: float, seed: int) -> np.ndarray:
    """Return ``bool [N]``: a random sample that has this fraction of each class, and at least one.

    Two images of each class, if it has so many, are left: one to train and one for validation.

    Args:
        labels: ``uint8 [N]``.
        seed: of the random sample.
    """
    sizes = np.bincount(labels)
    quotas = [min(max(1, round(size * fraction)), max(0, size - 2)) for size in sizes]
    return _sample(labels, np.array(quotas), seed)


def _sample(labels: np.ndarray, quotas: np.ndarray, seed: int) -> np.ndarray:
    """``bool [N]``: as many random images of each label as its quota says."""
    chosen, random = np.zeros(len(labels), bool), np.random.default_rng(seed)
    for label in np.flatnonzero(quotas):
        members = np.flatnonzero(labels == label)
        chosen[random.choice(members, quotas[label], replace=False)] = True
    return chosen


def _quotas(sizes: np.ndarray, count: int) -> np.ndarray:
    """How many images of each class are in a sample of ``count``, by the largest remainder."""
    exact = sizes * (count / sizes.sum())
    quotas = np.where(sizes > 0, np.clip(exact.astype(int), 1, sizes - 1), 0)
    free = np.where(quotas < sizes - 1, exact - quotas, -np.inf)
    missing = max(0, count - int(quotas.sum()))
    quotas[np.argsort(-free, kind="stable")[:missing]] += 1
    return quotas
