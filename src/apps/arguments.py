"""Arguments that several programs take."""

import argparse


def seed(text: str) -> int:
    """A number from 0, for ``argparse``."""
    if not (text.isascii() and text.isdecimal()):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 0")
    return int(text)
