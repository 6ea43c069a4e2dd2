"""Imports of large libraries in less time."""

import gc
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager


@contextmanager
def lean_import(without: Sequence[str] = ()) -> Iterator[None]:
    """Import large libraries in the block without what makes it slow and serves nothing.

    Python collects garbage again and again while thousands of modules come in, and finds next to
    none. It is off in the block, and what the block leaves is kept out of later collections.

    Args:
        without: packages that the libraries would use if they were installed, and that this
            program does not need from them. In the block they are absent, by the way that Python's
            documentation gives: a module that is None in ``sys.modules``.
    """
    absent = [name for name in without if name not in sys.modules]
    collecting = gc.isenabled()
    gc.disable()
    sys.modules.update(dict.fromkeys(absent))
    try:
        yield
    finally:
        for name in absent:
            del sys.modules[name]
        gc.freeze()
        if collecting:
            gc.enable()
