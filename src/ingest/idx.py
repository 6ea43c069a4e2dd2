"""The IDX format, in which MNIST and its relatives are published: plain or gzip.

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
from typing import BinaryIO, cast

import numpy as np

from src.common.errors import PipelineError

GZIP_MAGIC = b"\x1f\x8b"
MAGIC = b"\0\0\x08"  # unsigned bytes
MAX_DIMENSIONS = 3
MAX_SIDE = 4096  # pixels
CHUNK_BYTES = 1 << 20


def read_header(path: Path) -> tuple[int, ...]:
    """Return the shape in the header: ``(n,)`` for labels, ``(n, height, width)`` for images.

    Raises:
        PipelineError: the file cannot be read, or does not contain unsigned bytes in one to three
            dimensions, with images of 1 to ``MAX_SIDE`` pixels per side.
    """
    with _opened(path) as file:
        return _parse_header(file, path)


def read_chunks(path: Path) -> Iterator[np.ndarray]:
    """Read the items (images, labels) in order, about 1 MiB at a time.

    Memory use is limited to one chunk, whatever the header states.

    Yields:
        Read-only ``uint8 [n, ...]``.

    Raises:
        PipelineError: as ``read_header``; or there is less or more data than the header states, or
            the compressed data is damaged. Chunks that were yielded before may then be wrong.
    """
    with _opened(path) as file:
        count, *item_shape = shape = _parse_header(file, path)
        item = math.prod(item_shape)
        step = max(1, CHUNK_BYTES // item)
        stated = f"{describe(shape)} = {math.prod(shape):,} bytes of data"
        wrong = f"{path} is truncated or too long: its header states {stated}; get the file again"
        for start in range(0, count, step):
            rows = min(step, count - start)
            values = file.read(rows * item)
            if len(values) < rows * item:
                raise PipelineError(wrong)
            yield np.frombuffer(values, np.uint8).reshape(rows, *item_shape)
        if file.read(1):  # reading to the end also makes gzip verify its checksum
            raise PipelineError(wrong)


def read(path: Path) -> np.ndarray:
    """Read all items: ``uint8 [n, ...]``. For errors, see ``read_chunks``."""
    return np.concatenate([np.zeros((0, *read_header(path)[1:]), np.uint8), *read_chunks(path)])


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


@contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    """Open the uncompressed content of a file; errors of reading become a ``PipelineError``."""
    try:
        with path.open("rb") as file:
            is_gzip = file.read(len(GZIP_MAGIC)) == GZIP_MAGIC  # whatever the name is
            file.seek(0)
            yield cast(BinaryIO, gzip.GzipFile(fileobj=file) if is_gzip else file)
    except (OSError, EOFError, zlib.error) as error:
        reason = getattr(error, "strerror", None) or f"damaged gzip: {error}"
        raise PipelineError(f"{path} cannot be read ({reason}); get the file again") from None


def _parse_header(file: BinaryIO, path: Path) -> tuple[int, ...]:
    start = file.read(len(MAGIC) + 1)
    if start.startswith(GZIP_MAGIC):
        raise PipelineError(f"{path} is compressed twice with gzip; decompress it with `gunzip`")
    dimensions = start[-1] if start[:-1] == MAGIC else 0
    sizes = file.read(4 * min(dimensions, MAX_DIMENSIONS))
    if not 1 <= dimensions <= MAX_DIMENSIONS or len(sizes) < 4 * dimensions:
        raise PipelineError(
            f"{path} is not an IDX file of unsigned bytes in 1 to 3 dimensions: it begins with "
            f"{(start + sizes).hex(' ') or 'nothing'}; put the right file there"
        )
    shape = struct.unpack(f">{dimensions}I", sizes)
    if not all(1 <= side <= MAX_SIDE for side in shape[1:]):
        raise PipelineError(
            f"{path} has the shape {describe(shape)}, but images have 1 to {MAX_SIDE:,} pixels "
            "per side; put the right file there"
        )
    return shape
