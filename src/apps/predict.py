"""Predict the class of image files, of random test images, or of the images in a table.

``python -m src.apps.predict FILE …`` or ``python -m src.apps.predict --test N``;
``python -m src.apps.predict FOLDER --out predictions.csv``;
``python -m src.apps.predict --table test.csv --out submission.csv``.

The files are images of any size and usual format. They are converted like the
images of the dataset. A file that cannot be used does not stop the others.
"""

import argparse
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from rich.bar import Bar
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from src.apps.arguments import add_table_options, integer
from src.apps.classifiers import Classifier, choose
from src.apps.familiarity import HINT, familiarity
from src.apps.predict_many import predict_files, predict_table
from src.common import paths
from src.common.errors import PipelineError, run
from src.common.files import file_name
from src.common.messages import escaped, warn
from src.data.splits import load_dataset_info, load_split
from src.ingest import tables
from src.ingest.image_folders import image_files
from src.pictures.convert import Conversion, convert
from src.pictures.decode import PictureError, read_content
from src.plots.charts import drawable, rotation
from src.plots.contact_sheet import write_png

BAR_WIDTH = 40
MAX_BARS = 20
MOST_SHOWN = 50  # images of a folder
MANY_BARS = 12  # their names need a smaller font


@dataclass(frozen=True)
class Input:
    """An image to predict."""

    title: str
    stem: str  # of the name of its bar chart
    image: np.ndarray  # uint8 [H, W]
    actual: int | None  # its class, if it is known
    hint: str = ""  # for the reader of the prediction


def main() -> None:
    options = _options()
    files = _files(options)

    from src.models.device import choose_device

    choose_device("auto")
    classifier = choose(options.model)
    console = Console(highlight=False, soft_wrap=True, emoji=False)
    console.print(f"model: {classifier}", markup=False)
    console.print("percentages: the probabilities of the classes according to the model")
    dataset = load_dataset_info(paths.PROCESSED)
    if dataset["is_fallback"]:
        warn(f"the models were trained on {dataset['name']}, NOT on {dataset['requested']}")
    if options.table:
        how = options.label, classifier.shape, options.transpose, dataset["conversion"]
        images = tables.Table(options.table, *how)
        return predict_table(images, classifier, dataset["class_names"], options.out)
    if options.out:
        return predict_files(files, classifier, dataset, familiarity(paths.PROCESSED), options.out)
    inputs = _from_files(files, classifier, dataset["conversion"])
    unusable = len(files) - len(inputs)
    if options.test:
        inputs += _from_test(options.test, options.seed)
    if inputs:
        _predict(inputs, classifier, dataset["class_names"], options.save, console)
    if unusable:
        count = f"{unusable} of {len(files)} files"
        raise PipelineError(f"{count} could not be predicted; see the warnings above")


def _predict(
    inputs: list[Input],
    classifier: Classifier,
    names: Sequence[str],
    folder: Path | None,
    console: Console,
) -> None:
    """Show the prediction of each image, and save its bar chart if there is a folder for it."""
    predictions = classifier.probabilities(np.stack([each.image for each in inputs]))
    stems: Counter[str] = Counter()
    for shown, prediction in zip(inputs, predictions, strict=True):
        show(console, shown, prediction, names)
        if folder:
            stem = f"{file_name(shown.stem)}-prediction"
            stems[stem] += 1
            number = f"-{stems[stem]}" if stems[stem] > 1 else ""
            path = folder / f"{stem}{number}.png"
            write_png(prediction_figure(shown.image, prediction, names, shown.actual), path)
            console.print(f"  saved as {path}", markup=False)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m src.apps.predict", description=__doc__)
    parser.add_argument("files", nargs="*", type=Path, metavar="FILE")
    parser.add_argument("--test", type=integer(1), metavar="N", help="N random test images")
    parser.add_argument("--seed", type=integer(0), help="seed for choosing the test images")
    default = "a recipe (default: the champion, or the best model)"
    parser.add_argument("--model", metavar="NAME", help=default)
    chart = "save the bar chart of 7.png as 7-prediction.png"
    parser.add_argument("--save", type=Path, metavar="FOLDER", help=chart)
    out = "write the predictions of FILE … or of the table to a CSV file"
    parser.add_argument("--out", type=Path, metavar="FILE", help=out)
    table = "CSV or Parquet file with one image per row"
    parser.add_argument("--table", type=Path, metavar="FILE", help=table)
    add_table_options(parser)
    options = parser.parse_args()
    if bool(options.table) == bool(options.files or options.test):
        parser.error("give image files, --test N, or --table FILE")
    if options.out if options.test else (options.table and not options.out):
        parser.error("--table needs --out FILE, and --test has none")
    return options


def _files(options: argparse.Namespace) -> list[Path]:
    """The files of the user, also those in folders."""
    files: list[Path] = []
    for path in options.files:
        files += map(Path, image_files(path)) if path.is_dir() else [path]
    if options.files and not files:
        raise PipelineError(f"{options.files[0]} has no image files; give another folder")
    if len(files) > max(MOST_SHOWN, len(options.files)) and not options.out:
        raise PipelineError(f"{len(files):,} files are too many to show; add --out predictions.csv")
    return files


def _from_files(files: list[Path], classifier: Classifier, conversion: Conversion) -> list[Input]:
    """The images that can be used; a warning about each other file."""
    inputs = []
    for path in files:
        try:
            picture = convert(read_content(path), str(path), classifier.shape, conversion)
        except PictureError as error:
            warn(str(error))
            continue
        title = f"{escaped(path.name, kept='')} ({picture.note})"
        known = familiarity(paths.PROCESSED)
        hint = HINT if known and known.unfamiliar(picture.image[None])[0] else ""
        inputs.append(Input(title, path.stem, picture.image, None, hint))
    return inputs


def _from_test(count: int, random_seed: int | None) -> list[Input]:
    images, labels = load_split(paths.PROCESSED, "test")
    count = min(count, len(labels))
    chosen = np.random.default_rng(random_seed).choice(len(labels), count, replace=False)
    return [
        Input(f"test image {i}", f"test-image-{i}", np.array(images[i]), int(labels[i]))
        for i in chosen
    ]


def show(console: Console, shown: Input, probabilities: np.ndarray, names: Sequence[str]) -> None:
    """Print a bar for the most probable classes, and whether the prediction is correct.

    Args:
        probabilities: ``float [K]``.
        names: of the K classes.
    """
    predicted = int(probabilities.argmax())
    what = f"predicted [bold]{escape(names[predicted])}[/bold]"
    if shown.actual is not None:
        mark = "✓" if shown.actual == predicted else "✗"
        what = f"actual {escape(names[shown.actual])}, {what}  {mark}"
    console.print(f"\n[bold]{escape(shown.title)}[/bold]: {what}")
    if shown.hint:
        console.print(f"  [yellow]{escape(shown.hint)}[/yellow]")
    grid = Table.grid(padding=(0, 1))
    for number in most_probable(probabilities):
        color = "green" if number == predicted else "blue"
        bar = Bar(1, 0, float(probabilities[number]), width=BAR_WIDTH, color=color)
        grid.add_row(f"  {escape(names[number])}", bar, f"{probabilities[number]:7.2%}")
    console.print(grid)
    if len(names) > MAX_BARS:
        console.print(f"  … and {len(names) - MAX_BARS} less probable classes")


def most_probable(probabilities: np.ndarray) -> np.ndarray:
    """The numbers of the ``MAX_BARS`` most probable classes, in the order of their numbers."""
    return np.sort(np.argsort(-probabilities, kind="stable")[:MAX_BARS])


def prediction_figure(
    image: np.ndarray, probabilities: np.ndarray, names: Sequence[str], actual: int | None
) -> Figure:
    """Draw an image ``uint8 [H, W]`` and its probabilities ``float [K]``, as the tutorial does.

    ``names`` are those of the K classes. At most ``MAX_BARS`` of them are drawn.
    """
    predicted = int(probabilities.argmax())
    figure = Figure((8, 3.6), dpi=100, layout="constrained")
    left, right = figure.subplots(1, 2)
    left.imshow(image, cmap="gray", vmin=0, vmax=255, interpolation="nearest")
    left.set_axis_off()
    drawn = most_probable(probabilities)
    texts, places = drawable(names), range(len(drawn))
    colors = ["tab:green" if each == predicted else "tab:blue" for each in drawn]
    right.bar(places, probabilities[drawn], color=colors)
    number = f" ({MAX_BARS} of {len(names)})" if len(names) > MAX_BARS else ""
    right.set(xlabel=f"class{number}", ylabel="probability", ylim=(0, 1.02))
    labels = [texts[each] for each in drawn]
    right.set_xticks(places, labels, size=10 if len(drawn) < MANY_BARS else 7, **rotation(labels))
    known = "" if actual is None else f"actual: {texts[actual]}, "
    figure.suptitle(f"{known}predicted: {texts[predicted]}")
    return figure


if __name__ == "__main__":
    run(main)
