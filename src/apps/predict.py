"""Predict the class of image files, of random test images, or of the images in a table.

`python -m src.apps.predict FILE …` or `python -m src.apps.predict --test N`;
`python -m src.apps.predict FOLDER --out predictions.csv`;
`python -m src.apps.predict --table test.csv --out submission.csv`.

The files are images of any size and usual format. They are converted like the images of the
dataset. A file that cannot be used does not stop the others.
"""

import argparse
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from rich.bar import Bar
from rich.console import Console
from rich.markup import escape
from rich.table import Table as Grid

from src.apps.classifiers import Classifier, choose, hint_of, reader
from src.apps.shared import add_table_options, integer, with_bar
from src.common import paths
from src.common.errors import PipelineError, run
from src.common.files import file_name
from src.common.messages import escaped, warn, warn_of_all
from src.data.splits import load_dataset_info, load_split
from src.evaluation.tables import write_csv
from src.ingest.classes import FORMULA
from src.ingest.image_folders import converted_images, image_files
from src.ingest.tables import Table
from src.pictures.convert import Picture
from src.pictures.decode import FORMAT_NAMES
from src.plots.charts import drawable, rotation
from src.plots.contact_sheet import write_png

BATCH = 500  # images in memory
BAR_WIDTH = 40
MAX_BARS = 20
MOST_SHOWN = 50  # images of a folder
MANY_BARS = 12  # their names need a smaller font


class Prediction(NamedTuple):
    """The prediction of an image file or a test image."""

    pictures: list[Picture]  # one for each digit of a row; none if the file cannot be used
    probabilities: np.ndarray  # float [number of pictures, K]
    label: str  # the names of the most probable classes, from left to right, or ""
    hint: str  # for the reader of the prediction; or why the file cannot be used


def main() -> None:
    options = _options()
    files = _files(options)

    from src.models.device import choose_device

    choose_device("auto")
    classifier = choose(options.model)
    console = Console(highlight=False, soft_wrap=True, emoji=False)
    reason = "" if options.model else ": the best on corrupted images"
    console.print(f"model: {classifier}{reason}", markup=False)
    dataset = load_dataset_info(paths.PROCESSED)
    names, conversion = dataset["class_names"], dataset["conversion"]
    if dataset["is_fallback"]:
        warn(f"the models were trained on {dataset['name']}, NOT on {dataset['requested']}")
    if options.table:
        how = options.label, classifier.shape, options.transpose, conversion
        table = Table(options.table, *how)
        rows = ([each] if isinstance(each, Picture) else each for each in table)
        found = predictions(rows, classifier, names)
        return _write_submission(options.out, found, table, names)
    if options.test:
        titles, labels, images = _test_images(options.test, options.seed)
        found = predictions(([each] for each in images), classifier, names)
        return _show_all(console, names, titles, labels, found, options.save)
    pictures = converted_images(files, reader(dataset))
    found = predictions(pictures, classifier, names)
    if options.out:
        return _write_predictions(options.out, found, files)
    return _show_all(console, names, files, [None] * len(files), found, options.save)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m src.apps.predict", description=__doc__)
    parser.add_argument("files", nargs="*", type=Path, metavar="FILE")
    parser.add_argument("--test", type=integer(1), metavar="N", help="N random test images")
    parser.add_argument("--seed", type=integer(0), help="seed for choosing the test images")
    default = "a recipe (default: the one that reads pictures best)"
    parser.add_argument("--model", metavar="NAME", help=default)
    chart = "save bar charts, that of 7.png as 1-7.png if it is the first image"
    parser.add_argument("--save", type=Path, metavar="FOLDER", help=chart)
    out = "write the predictions of FILE … or of the table to a CSV file"
    parser.add_argument("--out", type=Path, metavar="FILE", help=out)
    table = "CSV or Parquet file with one image per row"
    parser.add_argument("--table", type=Path, metavar="FILE", help=table)
    add_table_options(parser)
    options = parser.parse_args()
    if [bool(options.files), bool(options.test), bool(options.table)].count(True) != 1:
        parser.error("give image files, --test N, or --table FILE")
    if options.out if options.test else (options.table and not options.out):
        parser.error("--table needs --out FILE, and --test has none")
    if (options.label or options.transpose) and not options.table:
        parser.error("--label and --transpose say how a table is read; add --table FILE")
    if options.save and options.out:
        parser.error("--save is for predictions that are shown; leave out --out or --save")
    return options


def _files(options: argparse.Namespace) -> list[str]:
    """The files of the user, also those in folders."""
    files: list[str] = []
    for path in options.files:
        files += image_files(path) if path.is_dir() else [str(path)]
    if options.files and not files:
        raise PipelineError(f"{options.files[0]} has no image files; give another folder")
    if len(files) > max(MOST_SHOWN, len(options.files)) and not options.out:
        raise PipelineError(f"{len(files):,} files are too many to show; add --out predictions.csv")
    return files


def _test_images(count: int, seed: int | None) -> tuple[list[str], list[int], list[Picture]]:
    """Titles, labels and images of random test images."""
    images, labels = load_split(paths.PROCESSED, "test")
    count = min(count, len(labels))
    chosen = np.random.default_rng(seed).choice(len(labels), count, replace=False)
    pictures = [Picture(np.array(images[index]), "") for index in chosen]
    return [f"test image {index}" for index in chosen], labels[chosen].tolist(), pictures


def predictions(
    found: Iterable[list[Picture] | str], classifier: Classifier, names: Sequence[str]
) -> Iterator[Prediction]:
    """Predict images, or pass on why one cannot be used; only ``BATCH`` are in memory.

    Args:
        found: for each file or row, its pictures, from left to right; or why it cannot be used.
        names: of the K classes.
    """
    left = iter(found)
    while batch := list(islice(left, BATCH)):
        pictures = [each for part in batch if not isinstance(part, str) for each in part]
        results = zip(*classifier.predict(pictures), strict=True)
        for part in batch:
            if isinstance(part, str):
                yield Prediction([], np.empty((0, len(names))), "", part)
                continue
            rows, hints = zip(*islice(results, len(part)), strict=True)
            probabilities = np.stack(rows)
            label = " ".join(names[number] for number in probabilities.argmax(axis=1))
            yield Prediction(part, probabilities, label, hint_of(hints))


def _write_submission(
    target: Path, found: Iterable[Prediction], table: Table, names: Sequence[str]
) -> None:
    """Write the number of each image, from 1 on, and its class name, as Kaggle's competitions ask.

    The labels of the table, if it has any, are compared: names of classes, or their numbers.
    """
    labels = pd.Series([each.label for each in with_bar(found, table.count)])
    write_csv(target, pd.DataFrame({"ImageId": range(1, len(labels) + 1), "Label": labels}))
    print(f"{target}: {len(labels):,} images predicted")
    if table.labels:
        by_number = {str(number): name for number, name in enumerate(names)}
        actual = [each if each in names else by_number.get(each, each) for each in table.labels]
        print(f"accuracy: {(labels == actual).mean():.4f}")


def _write_predictions(target: Path, found: Iterable[Prediction], files: list[str]) -> None:
    """Write the file, label, probability and hint of each image file, and warn of unusable ones."""
    rows = []
    for path, each in zip(files, with_bar(found, len(files)), strict=True):
        name = escaped(path, kept="")
        name = f"./{name}" if FORMULA.match(name) else name
        # Of several digits, the least certain one.
        probability = each.probabilities.max(axis=1).min() if each.pictures else np.nan
        rows.append((name, each.label, probability, each.hint))
    table = pd.DataFrame(rows, columns=["file", "label", "probability", "hint"])
    write_csv(target, table)
    unusable = table[table.label == ""]
    warn_of_all("files that cannot be used", (unusable.file + " " + unusable.hint).to_list())
    print(f"{target}: {len(table) - len(unusable):,} of {len(table):,} images predicted")


def _show_all(
    console: Console,
    names: Sequence[str],
    sources: Sequence[str],
    labels: Sequence[int | None],
    found: Iterable[Prediction],
    folder: Path | None,
) -> None:
    """Show the prediction of each image, and save its bar chart if there is a folder for it."""
    console.print("percentages: the probabilities of the classes according to the model")
    unusable = 0
    for number, (source, label, each) in enumerate(zip(sources, labels, found, strict=True), 1):
        if not each.pictures:
            unusable += 1
            warn(f"{source} {each.hint}")
            continue
        note = f" ({each.pictures[0].note})" if each.pictures[0].note else ""
        show(console, f"{escaped(Path(source).name, kept='')}{note}", each, names, label)
        stem = f"{number}-{file_name(Path(source).stem)}"
        if not folder:
            continue
        for digit, picture in enumerate(each.pictures, 1):
            path = folder / (f"{stem}-{digit}.png" if len(each.pictures) > 1 else f"{stem}.png")
            figure = prediction_figure(picture.image, each.probabilities[digit - 1], names, label)
            write_png(figure, path)
            console.print(f"  saved as {path}", markup=False)
    if unusable:
        raise PipelineError(
            f"{unusable} of {len(sources)} files could not be predicted; see the warnings above, "
            f"and use complete {FORMAT_NAMES} files"
        )


def show(
    console: Console, title: str, prediction: Prediction, names: Sequence[str], actual: int | None
) -> None:
    """Print a bar for the most probable classes, and whether the prediction is correct.

    Of several digits in a row, print a bar for the most probable class of each.

    Args:
        names: of the K classes.
        actual: the number of the class, if it is known.
    """
    what = f"predicted [bold]{escape(prediction.label)}[/bold]"
    if actual is not None:
        mark = "✓" if names[actual] == prediction.label else "✗"
        what = f"actual {escape(names[actual])}, {what}  {mark}"
    console.print(f"\n[bold]{escape(title)}[/bold]: {what}")
    if prediction.hint:
        console.print(f"  [yellow]{escape(prediction.hint)}[/yellow]")
    grid, best = Grid.grid(padding=(0, 1)), prediction.probabilities.argmax(axis=1)
    first, is_row = prediction.probabilities[0], len(best) > 1
    shown = enumerate(best) if is_row else ((0, number) for number in most_probable(first))
    for digit, number in shown:
        probability = float(prediction.probabilities[digit, number])
        color = "green" if number == best[digit] else "blue"
        bar = Bar(1, 0, probability, width=BAR_WIDTH, color=color)
        grid.add_row(f"  {escape(names[number])}", bar, f"{probability:7.2%}")
    console.print(grid)
    if len(names) > MAX_BARS and not is_row:
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
