"""Predict the class of image files, or of random images of the test split.

``python -m src.apps.predict FILE …`` or ``python -m src.apps.predict --test N``.

The files are PNG, JPEG, GIF, BMP, TIFF or WebP images of any size. They are converted like the
images of the dataset. A file that cannot be used does not stop the others.
"""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rich.console import Console

from src.apps import probabilities
from src.apps.arguments import seed
from src.apps.classifiers import Classifier, choose
from src.apps.familiarity import HINT, familiarity
from src.apps.output_names import output_paths
from src.common import paths
from src.common.errors import PipelineError, run
from src.common.files import shared_file
from src.common.messages import escaped, warn
from src.data.splits import load_dataset_info, load_split
from src.pictures.conversion import Conversion
from src.pictures.convert import convert
from src.pictures.decode import PictureError, read_content
from src.plots.contact_sheet import write_png


@dataclass(frozen=True)
class Input:
    """An image to predict."""

    title: str
    stem: str  # of the name of its bar chart
    image: np.ndarray  # uint8 [H, W]
    actual: int | None  # its class, if it is known
    hint: str = ""


def main() -> None:
    options = _options()

    from src.models.device import choose_device

    choose_device("auto")
    classifier = choose(options.model)
    console = Console(highlight=False, soft_wrap=True, emoji=False)
    console.print(f"model: {classifier}", markup=False)
    console.print("percentages: the probabilities of the classes according to the model")
    dataset = load_dataset_info(paths.PROCESSED)
    if dataset["is_fallback"]:
        warn(f"the models were trained on {dataset['name']}, NOT on {dataset['requested']}")
    inputs, unusable = _from_files(options.files, classifier, dataset["conversion"])
    inputs += _from_test(options.test, options.seed)
    if inputs:
        _predict(inputs, classifier, dataset["class_names"], options, console)
    if len(options.files) == len(unusable) == 1:
        raise PipelineError(unusable[0])
    for error in unusable:
        print(f"warning: {error}", file=sys.stderr)
    if unusable:
        count = f"{len(unusable)} of {len(options.files)} files"
        raise PipelineError(f"{count} could not be predicted; see the warnings above")


def _predict(
    inputs: list[Input],
    classifier: Classifier,
    names: Sequence[str],
    options: argparse.Namespace,
    console: Console,
) -> None:
    """Show the prediction of each image, and save its bar chart if the user wants it."""
    predictions = classifier.probabilities(np.stack([each.image for each in inputs]))
    charts: list[Path] = []
    if options.save:
        charts = output_paths(options.save, [each.stem for each in inputs], options.files)
    for number, (each, prediction) in enumerate(zip(inputs, predictions, strict=True)):
        probabilities.show(console, each.title, prediction, names, each.actual, each.hint)
        if charts:
            figure = probabilities.prediction_figure(each.image, prediction, names, each.actual)
            try:
                with shared_file(charts[number]) as partial:
                    write_png(figure, partial)
            except OSError as error:
                reason = f"{charts[number]} cannot be written: {error.strerror}"
                raise PipelineError(f"{reason}; choose another folder with --save") from None
            console.print(f"  saved as {charts[number]}", markup=False)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m src.apps.predict", description=__doc__)
    parser.add_argument("files", nargs="*", type=Path, metavar="FILE")
    parser.add_argument("--test", type=int, default=0, metavar="N", help="N random test images")
    parser.add_argument("--seed", type=seed, help="seed for choosing the test images")
    default = "a recipe (default: the champion, or the best model)"
    parser.add_argument("--model", metavar="NAME", help=default)
    chart = "save the bar chart of 7.png as 7-prediction.png"
    parser.add_argument("--save", type=Path, metavar="FOLDER", help=chart)
    options = parser.parse_args()
    if not options.files and options.test < 1:
        parser.error("give image files, or --test N")
    return options


def _from_files(
    files: list[Path], classifier: Classifier, conversion: Conversion
) -> tuple[list[Input], list[str]]:
    """The images that can be used, and a message about each other file."""
    inputs, unusable = [], []
    for path in files:
        try:
            picture = convert(read_content(path), str(path), classifier.shape, conversion)
        except PictureError as error:
            unusable.append(str(error))
            continue
        title = f"{escaped(path.name, kept='')} ({picture.note})"
        known = familiarity(paths.PROCESSED)
        hint = HINT if known and known.unfamiliar(picture.image[None])[0] else ""
        inputs.append(Input(title, path.stem, picture.image, None, hint))
    return inputs, unusable


def _from_test(count: int, random_seed: int | None) -> list[Input]:
    if count < 1:
        return []
    images, labels = load_split(paths.PROCESSED, "test")
    count = min(count, len(labels))
    chosen = np.random.default_rng(random_seed).choice(len(labels), count, replace=False)
    titles = [f"test image {i}" for i in chosen]
    return [
        Input(title, title, np.array(images[i]), int(labels[i]))
        for title, i in zip(titles, chosen, strict=True)
    ]


if __name__ == "__main__":
    run(main, is_stage=False)
