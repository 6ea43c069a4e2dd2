"""What several programs have: options, and a bar that shows the progress."""

import argparse
import sys
from collections.abc import Callable, Iterable
from typing import TypeVar

from rich.console import Console
from rich.progress import track

Item = TypeVar("Item")


def integer(least: int) -> Callable[[str], int]:
    """A type of arguments for ``argparse``: whole numbers from ``least`` on."""

    def parse(text: str) -> int:
        if not (text.isascii() and text.isdecimal() and int(text) >= least):
            raise argparse.ArgumentTypeError(f"{text!r} is not a number from {least}")
        return int(text)

    return parse


def add_table_options(parser: argparse.ArgumentParser) -> None:
    """Add --label and --transpose, which say how a table of images is read."""
    label = "name of the column of the labels, or its number if the table has no header"
    parser.add_argument("--label", metavar="COLUMN", help=label)
    transpose = "the pixels in the table are stored column by column, as in EMNIST's CSV files"
    parser.add_argument("--transpose", action="store_true", help=transpose)


def with_bar(images: Iterable[Item], count: int) -> Iterable[Item]:
    """The images one after the other; in a terminal, a bar shows how many of them are done."""
    quiet = not sys.stderr.isatty()
    return track(images, "images", count, console=Console(stderr=True), disable=quiet)
