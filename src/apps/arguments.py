"""Arguments that several programs take."""

import argparse
from collections.abc import Callable


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
