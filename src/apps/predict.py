"""Predict the class of image files, or of random images of the test split.

``python -m src.apps.predict FILE …`` or ``python -m src.apps.predict --test N``.

The files are PNG, JPEG, BMP, TIFF or WebP images of any size. They are converted like the images of
the dataset.
"""

import argparse
from pathlib import Path

import numpy as np
from rich.console import Console

from src.apps import probabilities
from src.apps.classifiers import Classifier, choose
from src.common import paths
from src.common.errors import run
from src.common.files import atomic_file, file_name
from src.data.splits import load_dataset_info, load_split
from src.ingest.catalog import Conversion
from src.pictures.convert import convert
from src.pictures.decode import read_content
from src.plots.contact_sheet import write_png

Input = tuple[str, str, np.ndarray, int | None]  # name, note, image uint8 [H, W], actual class


def main() -> None:
    options = _options()
    contents = [(path, read_content(path)) for path in options.files]  # before the slow imports

    from src.models.device import choose_device

    choose_device("auto")
    classifier = choose(options.model)
    console = Console(highlight=False, soft_wrap=True)
    console.print(f"model: {classifier}")
    dataset = load_dataset_info(paths.PROCESSED)
    names, conversion = dataset["class_names"], dataset["conversion"]
    inputs = _from_files(contents, classifier, conversion) + _from_test(options.test, options.seed)
    predictions = classifier.probabilities(np.stack([image for _, _, image, _ in inputs]))
    written: set[Path] = set()
    for (name, note, image, actual), prediction in zip(inputs, predictions, strict=True):
        probabilities.show(console, name + note, prediction, names, actual)
        if options.save:
            path = _new_path(options.save, Path(file_name(name)).stem, written)
            with atomic_file(path) as partial:
                figure = probabilities.prediction_figure(image, prediction, names, actual)
                write_png(figure, partial)
            console.print(f"  saved as {path}")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m src.apps.predict", description=__doc__)
    parser.add_argument("files", nargs="*", type=Path, metavar="FILE")
    parser.add_argument("--test", type=int, default=0, metavar="N", help="N random test images")
    parser.add_argument("--seed", type=int, help="seed for choosing the test images")
    default = "a recipe (default: the champion, or the best model)"
    parser.add_argument("--model", metavar="NAME", help=default)
    parser.add_argument("--save", type=Path, metavar="FOLDER", help="save each bar chart as a PNG")
    options = parser.parse_args()
    if not options.files and options.test < 1:
        parser.error("give image files, or --test N")
    return options


def _from_files(
    contents: list[tuple[Path, bytes]], classifier: Classifier, conversion: Conversion
) -> list[Input]:
    inputs: list[Input] = []
    for path, content in contents:
        picture = convert(content, str(path), classifier.shape, conversion)
        inputs.append((path.name, f" ({picture.note})", picture.image, None))
    return inputs


def _from_test(count: int, seed: int | None) -> list[Input]:
    if count < 1:
        return []
    images, labels = load_split(paths.PROCESSED, "test")
    count = min(count, len(labels))
    chosen = np.random.default_rng(seed).choice(len(labels), count, replace=False)
    return [(f"test image {i}", "", np.array(images[i]), int(labels[i])) for i in chosen]


def _new_path(folder: Path, stem: str, written: set[Path]) -> Path:
    """Return a path that is not in ``written``, and add it: files can have the same name."""
    path, number = folder / f"{stem}.png", 1
    while path in written:
        number += 1
        path = folder / f"{stem}-{number}.png"
    written.add(path)
    return path


if __name__ == "__main__":
    run(main)
