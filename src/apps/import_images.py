"""Make a dataset from image files in folders, or from a table.

`python -m src.apps.import_images PICTURES --size 28x28`.

PICTURES has one folder per class, whose name is the name of the class; or it has the folders train
and test, each with one folder per class. The images are files of any usual format. Or PICTURES is a
table with one image per row: a .csv, .csv.gz or .parquet file.
"""

import argparse
import re
import shlex
import sys
import warnings
from collections.abc import Iterable
from functools import partial
from itertools import chain
from pathlib import Path

import numpy as np
import pandas as pd

from src.apps.shared import add_table_options, with_bar
from src.common.errors import run
from src.common.messages import warn_of_all
from src.common.paths import IMPORTED, INCOMING, main_checkout
from src.ingest import idx
from src.ingest.catalog import TEST_LABELS, TRAIN_IMAGES, TRAIN_LABELS
from src.ingest.image_folders import converted_images, find_images, kind_of
from src.ingest.own_dataset import write_dataset
from src.ingest.tables import Table, is_table, members_of
from src.pictures.convert import Conversion, Picture, convert
from src.pictures.decode import depth_of
from src.plots.contact_sheet import class_sheet, write_png

MAX_SIDE = 512  # pixels
DEFAULT_SHAPE = 28, 28
PROGRAM = "src.apps.import_images"
# Drawings are strokes on an empty page.
PAPER = 0.3  # fraction of the maximum contrast: background below
MOSTLY_EMPTY = 0.75  # of the pixels
DRAWN = 0.5  # of the images
SAMPLE = 100  # images that are looked at
SMALL = 28  # pixels; larger images have the details of photographs


def main() -> None:
    options = _options()
    # Pillow warns about unusual data in a file, but does not say in which one.
    warnings.filterwarnings("ignore", module="PIL")
    is_light = options.center or options.light_on_dark
    conversion = Conversion(center_like_mnist=options.center, light_on_dark=is_light)
    ignored = list[str]()
    pictures: Iterable[Picture | str]
    if is_table(options.pictures):
        how = options.transpose, conversion
        tables = [Table(options.pictures, options.label, options.size, *how)]
        shape = tables[0].shape
        if options.test:
            tables.append(Table(options.test, options.label, shape, *how))
        members, pictures = members_of(*tables), chain.from_iterable(tables)
    else:
        members, ignored = find_images(options.pictures)
        if bits := depth_of(members.source):
            conversion["bits"] = bits
            print(f"images of 16 bits: {bits} bits are used, which the largest value of all needs")
        shape = options.size or DEFAULT_SHAPE
        read = partial(convert, shape=shape, conversion=conversion)
        pictures = converted_images(members.source, read)
    names, skipped = write_dataset(
        options.into,
        members,
        with_bar(pictures, len(members)),
        shape,
        conversion,
        options.test_fraction,
        options.replace,
    )
    warn_of_all("skipped images", skipped)
    named = [f"{path} is {kind}" if (kind := kind_of(path)) else path for path in ignored]
    warn_of_all("files in no class folder, or without the suffix of an image", named)
    show(options, names)


def show(options: argparse.Namespace, names: list[str]) -> None:
    """Print the classes and the next commands, and write a contact sheet."""
    labels = [idx.read(options.into / name) for name in (TRAIN_LABELS, TEST_LABELS)]
    train, test = (np.bincount(each, minlength=len(names)) for each in labels)
    table = {"class": range(len(names)), "train": train, "test": test, "name": names}
    print(pd.DataFrame(table).to_string(index=False))
    shape = idx.read_header(options.into / TRAIN_IMAGES)
    print(
        f"{options.into}: {train.sum():,} training and {test.sum():,} test images of "
        f"{shape[2]}×{shape[1]}, {len(names)} classes"
    )
    offset = len(idx.header(shape))
    images = np.memmap(options.into / TRAIN_IMAGES, np.uint8, "r", offset, shape)
    write_png(class_sheet(images, labels[0], names), IMPORTED)
    print(f"look at {IMPORTED}: it shows some of the images as the models get them")
    folder = options.into.resolve()
    if folder != (main_checkout() / INCOMING).resolve():
        print(f"add {folder} to data.folders in params.yaml")
        if options.replace:
            print("DVC does not see changes there: dvc repro --force download")
    again = ["python", "-m", PROGRAM, *(word for word in sys.argv[1:] if word != "--replace")]
    are_drawn = share_of_drawings(images[:: -(-len(images) // SAMPLE)]) > DRAWN
    if are_drawn and not options.center:
        print("the images seem to be drawings; without --center, ink on paper is read wrongly:")
        print(f"  {shlex.join([*again, '--center', '--replace'])}")
    elif not options.center and max(shape[1:]) <= SMALL and not is_table(options.pictures):
        print("if too much detail is lost in images of this size, import larger ones:")
        print(f"  {shlex.join([*again, '--size', '64', '--replace'])}")
    print("next: dvc exp run -S data.dataset=local -S model=own_images")


def share_of_drawings(images: np.ndarray) -> float:
    """The fraction of the images ``uint8 [N, H, W]`` that seem to be strokes on an empty page.

    In these, most pixels have nearly the color of the background: in 98% of MNIST's digits, in 20%
    of Fashion-MNIST's images, and in 24% of random parts of two photographs.
    """
    levels = images.reshape(len(images), -1).astype(int)
    sides = images[:, [0, -1]], images[:, :, [0, -1]]
    edges = np.concatenate([side.reshape(len(images), -1) for side in sides], axis=1)
    contrast = np.abs(levels - np.median(edges, axis=1, keepdims=True))
    is_empty = contrast < PAPER * contrast.max(axis=1, keepdims=True)
    return float((is_empty.mean(axis=1) > MOSTLY_EMPTY).mean())


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog=f"python -m {PROGRAM}", description=__doc__)
    pictures = "folder of the images, or a table: .csv, .csv.gz or .parquet"
    parser.add_argument("pictures", type=Path, metavar="PICTURES", help=pictures)
    into = f"folder of the dataset (default: {INCOMING})"
    parser.add_argument("--into", type=Path, default=INCOMING, metavar="FOLDER", help=into)
    size = f"in pixels, or one number; 1 to {MAX_SIDE} (default: 28x28)"
    parser.add_argument("--size", type=_shape, metavar="WIDTHxHEIGHT", help=size)
    center = "crop, scale and center the images like the digits of MNIST: light on dark"
    parser.add_argument("--center", action="store_true", help=center)
    light = "invert images that are dark on light"
    parser.add_argument("--light-on-dark", action="store_true", help=light)
    fraction = "of each class, at random, if there are no folders train and test (default: 0.2)"
    parser.add_argument("--test-fraction", type=float, default=0.2, help=fraction)
    replace = "remove the dataset that the folder has"
    parser.add_argument("--replace", action="store_true", help=replace)
    test = "table of the test images"
    parser.add_argument("--test", type=Path, metavar="FILE", help=test)
    add_table_options(parser)
    options = parser.parse_args()
    if (options.test or options.label or options.transpose) and not is_table(options.pictures):
        parser.error("--test, --label and --transpose are for tables")
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
