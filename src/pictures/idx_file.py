"""Writes an IDX file whose number of items is not known in advance."""

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from src.ingest import idx


@contextmanager
def appending(path: Path, item_shape: tuple[int, ...]) -> Iterator[Callable[[np.ndarray], int]]:
    """Yield a function that appends ``uint8 [n, *item_shape]`` to a new file of any length."""
    with path.open("wb") as file:
        start = file.write(idx.header((0, *item_shape)))
        yield lambda items: file.write(items.tobytes())
        count = (file.tell() - start) // math.prod(item_shape)
        file.seek(0)
        file.write(idx.header((count, *item_shape)))
