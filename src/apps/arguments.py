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
