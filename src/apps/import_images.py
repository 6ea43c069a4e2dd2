"""Make a dataset from image files in folders.

``python -m src.apps.import_images PICTURES --size 28x28``.

PICTURES has one folder per class, whose name is the name of the class; or it has the folders train
and test, each with one folder per class. The images are PNG, JPEG, GIF, BMP, TIFF or WebP files.
"""

import argparse
import re
import warnings
from pathlib import Path

from src.apps.arguments import integer
from src.common.errors import run
from src.common.messages import escaped, warn
from src.common.paths import INCOMING, main_checkout
from src.ingest.catalog import DRAWINGS, Conversion
from src.ingest.image_folders import converted_images, find_images
from src.ingest.own_dataset import write_dataset

MAX_SIDE = 512  # pixels
SHOWN = 20  # files that are skipped or ignored


def main() -> None:
    options = _options()
    # Pillow warns about unusual data in a file, but does not say in which one.
    warnings.filterwarnings("ignore", module="PIL")
    conversion = Conversion(center_like_mnist=False, light_on_dark=options.light_on_dark)
    if options.center:
        conversion = DRAWINGS
    found = find_images(options.pictures, options.test_fraction, options.seed)
    images = converted_images(found, options.size, conversion)
    dataset = write_dataset(
        options.into,
        found.names,
        options.size,
        conversion,
        images,
        len(found.images),
        options.replace,
    )
    counts = dataset.counts
    _warn("skipped images", [f"{source} {reason}" for source, reason in dataset.skipped.items()])
    _warn("files in no class folder, or without the suffix of an image", found.ignored)
    print("class   train    test  name")
    for number, name in enumerate(found.names):
        print(f"{number:5} {counts[0][number]:7,} {counts[1][number]:7,}  {name}")
    height, width = options.size
    print(
        f"{options.into}: {counts[0].sum():,} training and {counts[1].sum():,} test images of "
        f"{width}×{height}, {len(found.names)} classes"
    )
    folder = options.into.resolve()
    if folder != (main_checkout() / INCOMING).resolve():
        print(f"add {folder} to data.folders in params.yaml")
        if options.replace:
            print("DVC does not see changes there: dvc repro --force download")
    print("next: dvc exp run -S data.dataset=local")


def _warn(what: str, files: list[str]) -> None:
    """Print a warning with the first files, if there are any."""
    if files:
        shown = [escaped(file, kept="") for file in files[:SHOWN]]
        more = [f"… and {len(files) - SHOWN:,} more"] if len(files) > SHOWN else []
        warn("\n  ".join([f"{len(files):,} {what}:", *shown, *more]))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m src.apps.import_images", description=__doc__)
    parser.add_argument("pictures", type=Path, metavar="PICTURES", help="folder of the images")
    into = f"folder of the dataset (default: {INCOMING})"
    parser.add_argument("--into", type=Path, default=INCOMING, metavar="FOLDER", help=into)
    size = f"in pixels, or one number; 1 to {MAX_SIDE} (default: 28x28)"
    parser.add_argument("--size", type=_shape, default="28", metavar="WIDTHxHEIGHT", help=size)
    center = "crop, scale and center the images like the digits of MNIST: light on dark"
    parser.add_argument("--center", action="store_true", help=center)
    light = "invert images that are dark on light"
    parser.add_argument("--light-on-dark", action="store_true", help=light)
    fraction = "of each class, at random, if there are no folders train and test (default: 0.2)"
    parser.add_argument("--test-fraction", type=float, default=0.2, help=fraction)
    parser.add_argument("--seed", type=integer(0), default=1, help="of this choice (default: 1)")
    replace = "remove the dataset that the folder has"
    parser.add_argument("--replace", action="store_true", help=replace)
    options = parser.parse_args()
    if not 0 < options.test_fraction < 1:
        parser.error(f"--test-fraction {options.test_fraction} is not between 0 and 1")
    return options


def _shape(text: str) -> tuple[int, int]:
    """Height and width of ``width×height``."""
    found = re.fullmatch(r"(\d{1,3})(?:[xX×](\d{1,3}))?", text)
    width, height = (int(found[1]), int(found[2] or found[1])) if found else (0, 0)
    if not (1 <= width <= MAX_SIDE and 1 <= height <= MAX_SIDE):
        raise argparse.ArgumentTypeError(
            f"{text!r} is not a size such as 28x28, with 1 to {MAX_SIDE} pixels per side"
        )
    return height, width


if __name__ == "__main__":
    run(main)
