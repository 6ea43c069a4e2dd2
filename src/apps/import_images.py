"""Make a dataset from image files in folders.

``python -m src.apps.import_images PICTURES --size 28x28``.

PICTURES has one folder per class, whose name is the name of the class; or it has the folders train
and test, each with one folder per class. The images are PNG, JPEG, GIF, BMP, TIFF or WebP files.
"""

import argparse
import re
import sys
import warnings
from pathlib import Path

from rich.console import Console
from rich.table import Table

from src.apps.arguments import seed
from src.common.errors import PipelineError, run
from src.common.messages import escaped
from src.common.paths import INCOMING, main_checkout
from src.ingest.catalog import DRAWINGS, Conversion
from src.ingest.image_folders import ImageFolders, find_images
from src.ingest.image_import import Imported, Options, import_images

MAX_SIDE = 512  # pixels
SHOWN = 20  # classes, and skipped files


def main() -> None:
    options = _options()
    # Pillow warns about unusual data in a file, but does not say in which one.
    warnings.filterwarnings("ignore", module="PIL")
    try:
        _run(options)
    except KeyboardInterrupt:
        sys.exit(f"interrupted: no file in {options.into} was changed")
    except OSError as error:
        where = f" ({error.filename})" if error.filename else ""
        raise PipelineError(
            f"{error.strerror}{where}; free space or allow access, and start the import again"
        ) from None


def _run(options: argparse.Namespace) -> None:
    conversion = Conversion(center_like_mnist=False, light_on_dark=options.light_on_dark)
    if options.center:
        conversion = DRAWINGS
    settings = Options(options.size, conversion, options.test_fraction, options.seed)
    found = find_images(options.pictures)
    for warning in found.warnings:
        print(f"warning: {escaped(warning, kept='')}", file=sys.stderr)
    done = import_images(found, options.into, settings, options.replace, Console(stderr=True))
    console = Console(highlight=False, markup=False, emoji=False, soft_wrap=True)
    _show_classes(console, found.names, done)
    _show_skipped(console, found, done)
    height, width = options.size
    console.print(
        f"{options.into}: {done.train.sum():,} training and {done.test.sum():,} test images of "
        f"{width}×{height}, {len(found.names)} classes"
    )
    if options.into.resolve() == (main_checkout() / INCOMING).resolve():
        console.print("next: dvc exp run -S data.dataset=local")
    else:
        console.print(
            f"next: add {options.into.resolve()} to data.folders in params.yaml, and run "
            "dvc exp run -S data.dataset=local"
        )


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m src.apps.import_images",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("pictures", type=Path, metavar="PICTURES", help="folder of the images")
    into = f"folder of the dataset (default: {INCOMING})"
    parser.add_argument("--into", type=Path, default=INCOMING, metavar="FOLDER", help=into)
    size = f"in pixels, or one number; 1 to {MAX_SIDE} (default: 28x28)"
    parser.add_argument("--size", type=_shape, default="28", metavar="WIDTHxHEIGHT", help=size)
    center = "crop, scale and center the images like the digits of MNIST: light on dark"
    parser.add_argument("--center", action="store_true", help=center)
    light = "invert images that are dark on light"
    parser.add_argument("--light-on-dark", action="store_true", help=light)
    fraction = "of each class, chosen at random if there are no folders train and test"
    parser.add_argument(
        "--test-fraction",
        type=_fraction,
        default=0.2,
        metavar="FRACTION",
        help=f"{fraction} (default: 0.2)",
    )
    parser.add_argument("--seed", type=seed, default=1, help="of this choice (default: 1)")
    replace = "remove the dataset that the folder has"
    parser.add_argument("--replace", action="store_true", help=replace)
    return parser.parse_args()


def _shape(text: str) -> tuple[int, int]:
    """Height and width of ``width×height``."""
    found = re.fullmatch(r"(\d{1,3})(?:[xX×](\d{1,3}))?", text)
    width, height = (int(found[1]), int(found[2] or found[1])) if found else (0, 0)
    if not (1 <= width <= MAX_SIDE and 1 <= height <= MAX_SIDE):
        raise argparse.ArgumentTypeError(
            f"{text!r} is not a size such as 28x28, with 1 to {MAX_SIDE} pixels per side"
        )
    return height, width


def _fraction(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0
    if not 0 < value < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number between 0 and 1")
    return value


def _show_classes(console: Console, names: list[str], done: Imported) -> None:
    table = Table("class", "train", "test", "name", box=None, pad_edge=False)
    for column in table.columns[:3]:
        column.justify = "right"
    for row in list(zip(range(len(names)), done.train, done.test, names, strict=True))[:SHOWN]:
        number, train, test, name = row
        table.add_row(str(number), f"{train:,}", f"{test:,}", name)
    console.print(table)
    if len(names) > SHOWN:
        console.print(f"… and {len(names) - SHOWN} more classes")


def _show_skipped(console: Console, found: ImageFolders, done: Imported) -> None:
    if found.ignored:
        other = _files(found.ignored, "other")
        console.print(f"{other} ignored: in no class folder, or not with the suffix of an image")
    if done.skipped:
        console.print(f"{_files(len(done.skipped), 'image')} skipped:")
    for file, reason in done.skipped[:SHOWN]:
        console.print(f"  {escaped(file.path, kept='')} {reason}")
    if len(done.skipped) > SHOWN:
        console.print(f"  … and {len(done.skipped) - SHOWN:,} more")


def _files(count: int, kind: str) -> str:
    return f"{count:,} {kind} file{'s' if count > 1 else ''}"


if __name__ == "__main__":
    run(main)
