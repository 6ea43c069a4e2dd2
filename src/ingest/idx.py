"""The IDX format, in which MNIST and its relatives are published.

Layout: two zero bytes; a type code, 0x08 for unsigned bytes; the number of dimensions; the size of
each dimension as a big-endian uint32; then the values, last dimension fastest.
"""

import gzip
import math
import struct
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from src.common.errors import PipelineError

GZIP_MAGIC = b"\x1f\x8b"
MAGIC = b"\0\0\x08"  # unsigned bytes
LONGEST = 16  # bytes of a header
BLOCK = 1 << 20  # bytes that are unpacked at once


def unpack(path: Path, target: Path) -> None:
    """Copy an IDX file, which may be compressed with gzip whatever its name is, and check it.

    Not much more is unpacked than the header states: a small file can unpack to any size. A
    PipelineError is raised as by ``read_header``, or if the compressed data is damaged.
    """
    with path.open("rb") as file, target.open("wb") as unpacked:
        is_gzip = file.read(len(GZIP_MAGIC)) == GZIP_MAGIC
        file.seek(0)
        content: Any = gzip.GzipFile(fileobj=file) if is_gzip else file
        try:
            unpacked.write(start := content.read(LONGEST))
            size = _size(_shape(start, path))
            while unpacked.tell() <= size and unpacked.write(content.read(BLOCK)):
                pass
        except (gzip.BadGzipFile, EOFError, zlib.error) as error:
            raise PipelineError(f"{path} is damaged gzip ({error}); get the file again") from None
    read_header(target, path)


def read_header(path: Path, origin: Path | None = None) -> tuple[int, ...]:
    """Return the shape in the header: ``(n,)`` for labels, ``(n, height, width)`` for images.

    The file must not be compressed; messages name ``origin``, of which it may be a copy.

    Raises:
        PipelineError: the file does not contain unsigned bytes in one to three dimensions, or has
            less or more data than its header states.
    """
    origin = origin or path
    with path.open("rb") as file:
        shape = _shape(file.read(LONGEST), origin)
    if path.stat().st_size != _size(shape) or 0 in shape[1:]:
        raise PipelineError(
            f"{origin} is truncated or too long: its header states {describe(shape)} = "
            f"{math.prod(shape):,} bytes of data; get the file again"
        )
    return shape


def _shape(start: bytes, origin: Path) -> tuple[int, ...]:
    """The shape that the first ``LONGEST`` bytes of a file state."""
    if start.startswith(GZIP_MAGIC):
        raise PipelineError(f"{origin} is compressed twice with gzip; decompress it with `gunzip`")
    dimensions = start[len(MAGIC)] if start[:-1].startswith(MAGIC) else 0
    if not 1 <= dimensions <= 3 or len(start) < len(header((0,) * dimensions)):
        raise PipelineError(
            f"{origin} is not an IDX file of unsigned bytes in 1 to 3 dimensions: it "
            f"begins with {start.hex(' ') or 'nothing'}; put the right file there"
        )
    return struct.unpack_from(f">{dimensions}I", start, len(MAGIC) + 1)


def _size(shape: tuple[int, ...]) -> int:
    return len(header(shape)) + math.prod(shape)


def read(path: Path, first: int = 0, count: int | None = None) -> np.ndarray:
    """Read ``count`` items from ``first`` on, or all: ``uint8 [n, ...]``.

    For errors, see ``read_header``. The file must not be compressed.
    """
    item = read_header(path)[1:]
    size, start = math.prod(item), len(header((0, *item)))
    values = -1 if count is None else count * size
    return np.fromfile(path, np.uint8, values, offset=start + first * size).reshape(-1, *item)


def write(path: Path, array: np.ndarray) -> None:
    """Write ``uint8 [n]``, ``[n, w]`` or ``[n, h, w]`` as an IDX file, not compressed."""
    with appending(path, array.shape[1:]) as append:
        append(array)


@contextmanager
def appending(path: Path, item_shape: tuple[int, ...]) -> Iterator[Callable[[np.ndarray], int]]:
    """Yield a function that appends ``uint8 [n, *item_shape]`` to a new file of any length."""
    with path.open("wb") as file:
        start = file.write(header((0, *item_shape)))
        yield lambda items: file.write(items.tobytes())
        count = (file.tell() - start) // math.prod(item_shape)
        file.seek(0)
        file.write(header((count, *item_shape)))


def header(shape: tuple[int, ...]) -> bytes:
    """Return the bytes before the values: of one to three sizes, each below 2³²."""
    return MAGIC + struct.pack(f">B{len(shape)}I", len(shape), *shape)


def describe(shape: tuple[int, ...]) -> str:
    """Return a shape as ``60,000 × 28 × 28``, for messages."""
    return " × ".join(f"{size:,}" for size in shape)
