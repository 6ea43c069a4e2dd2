"""Predictions of many images, written to a CSV file, completely or not at all."""

import sys
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from rich.console import Console
from rich.progress import track

from src.apps.classifiers import Classifier
from src.apps.familiarity import HINT, Familiarity
from src.common.errors import PipelineError
from src.common.messages import escaped, warn, warn_of_all
from src.evaluation.tables import write_csv
from src.ingest.classes import FORMULA
from src.ingest.image_folders import ImageFile, ImageFolders, converted_images
from src.ingest.tables import Table
from src.pictures.decode import SUFFIXES

BATCH = 500  # images in memory


def image_files(paths: Sequence[Path]) -> list[Path]:
    """The files, and the visible image files in the folders and their subfolders, in order.

    Raises:
        PipelineError: a folder has no image files.
    """
    files: list[Path] = []
    for path in paths:
        inside = sorted(path.rglob("[!.]*")) if path.is_dir() else []
        found = [file for file in inside if file.suffix.lower() in SUFFIXES]
        if path.is_dir() and not found:
            raise PipelineError(f"{path} has no image files; give another folder")
        files += found or [path]
    return files


def predict_files(
    files: Sequence[Path],
    classifier: Classifier,
    dataset: dict[str, Any],
    known: Familiarity | None,
    target: Path,
) -> None:
    """Write the file, label, probability and hint of each image file.

    A file that cannot be used has no label, and the reason in place of a hint. A warning lists
    these files.

    Args:
        dataset: dataset.json.
        known: for the hint about an image that is not like the training images.
    """
    found = ImageFolders([], [ImageFile(0, False, str(path)) for path in files], [])
    pictures = converted_images(found, classifier.shape, dataset["conversion"])
    images = (picture.content for picture in pictures)
    table = _predictions(images, len(files), classifier, dataset["class_names"], known)
    names = [escaped(str(path), kept="") for path in files]
    table.insert(0, "file", [f"./{name}" if FORMULA.match(name) else name for name in names])
    write_csv(target, table)
    unusable = table[table.label == ""]
    warn_of_all("files that cannot be used", (unusable.file + " " + unusable.hint).to_list())
    print(f"{target}: {len(files) - len(unusable):,} of {len(files):,} images predicted")


def predict_table(
    images: Table, classifier: Classifier, names: Sequence[str], target: Path
) -> None:
    """Write the number of each image, from 1 on, and its label, the form of Kaggle's competitions.

    If the table has labels, the accuracy is printed.

    Args:
        names: of the classes.
    """
    if images.stored != images.shape:
        stored, shape = (f"{width}×{height}" for height, width in (images.stored, images.shape))
        warn(f"the images of {images.path} are scaled from {stored} to {shape} pixels")
    table = _predictions(images, images.count, classifier, names)
    numbers = range(1, images.count + 1)
    write_csv(target, pd.DataFrame({"ImageId": numbers, "Label": table.label}))
    print(f"{target}: {images.count:,} images predicted")
    if images.labels:
        print(f"accuracy: {(table.label == images.labels).mean():.4f}")


def _predictions(
    images: Iterable[np.ndarray | str],
    count: int,
    classifier: Classifier,
    names: Sequence[str],
    known: Familiarity | None = None,
) -> pd.DataFrame:
    """Label, probability and hint of images ``uint8 [H, W]``, or why one cannot be used."""
    console, quiet = Console(stderr=True), not sys.stderr.isatty()
    shown = iter(track(images, "images", count, console=console, disable=quiet))
    rows: list[tuple[str, float, str]] = []
    while batch := list(islice(shown, BATCH)):
        usable = [image for image in batch if not isinstance(image, str)]
        found = iter(_predicted(np.stack(usable), classifier, names, known) if usable else ())
        rows += [("", np.nan, each) if isinstance(each, str) else next(found) for each in batch]
    return pd.DataFrame(rows, columns=["label", "probability", "hint"])


def _predicted(
    images: np.ndarray, classifier: Classifier, names: Sequence[str], known: Familiarity | None
) -> Iterator[tuple[str, float, str]]:
    probabilities = classifier.probabilities(images)
    labels = [names[number] for number in probabilities.argmax(1)]
    is_unfamiliar = known.unfamiliar(images) if known else np.zeros(len(images), bool)
    hints = np.where(is_unfamiliar, HINT, "").tolist()
    return zip(labels, probabilities.max(1).tolist(), hints, strict=True)
