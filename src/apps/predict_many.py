"""Predictions of many images, written to a CSV file, completely or not at all."""

import sys
from collections.abc import Iterable, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from rich.console import Console
from rich.progress import track

from src.apps.classifiers import Classifier
from src.apps.familiarity import HINT, Familiarity
from src.common.messages import escaped, warn_of_all
from src.evaluation.tables import write_csv
from src.ingest.classes import FORMULA
from src.ingest.image_folders import ImageFile, ImageFolders, converted_images
from src.ingest.tables import Table

BATCH = 500  # images in memory


def predict_files(
    files: Sequence[Path],
    classifier: Classifier,
    dataset: dict[str, Any],
    known: Familiarity | None,
    target: Path,
) -> None:
    """Write the file, label, probability and hint of each image file, and warn of unusable ones.

    These have no label, and the reason in place of a hint.

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
    """Write the number of each image, from 1 on, and its class name, as Kaggle's competitions ask.

    The labels of the table, if it has any, are compared.
    """
    labels = _predictions(images, images.count, classifier, names).label
    numbers = range(1, images.count + 1)
    write_csv(target, pd.DataFrame({"ImageId": numbers, "Label": labels}))
    print(f"{target}: {images.count:,} images predicted")
    if images.labels:
        print(f"accuracy: {(labels == images.labels).mean():.4f}")


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
    parts = []
    while batch := list(islice(shown, BATCH)):
        unusable = {i: image for i, image in enumerate(batch) if isinstance(image, str)}
        blank = np.zeros(classifier.shape, np.uint8)
        pixels = np.stack([blank if i in unusable else image for i, image in enumerate(batch)])
        probabilities = classifier.probabilities(pixels)
        labels = np.array(names, object)[probabilities.argmax(1)]
        part = pd.DataFrame({"label": labels, "probability": probabilities.max(1)})
        part["hint"] = np.where(known.unfamiliar(pixels), HINT, "") if known else ""
        for index, reason in unusable.items():
            part.loc[index] = "", np.nan, reason
        parts.append(part)
    return pd.concat(parts, ignore_index=True)
