"""The IDX format, in which MNIST and its relatives are published: plain or gzip.

Layout: two zero bytes; a type code; the number of dimensions; each dimension as a big-endian
uint32; then the values, last dimension fastest. Only type code 0x08, unsigned byte, is
used for such datasets, and only this one is supported.
"""

import gzip
import math
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

import numpy as np

from src.common.errors import PipelineError

GZIP_MAGIC = b"\x1f\x8b"
UNSIGNED_BYTE = 0x08
MAX_DIMENSIONS = 3
READ_BYTES = 1 << 20  # of one read: its size is allocated first, and a header may be wrong


class IdxError(PipelineError):
    """The file is not a complete, valid IDX file of unsigned bytes."""


def is_gzip(path: Path) -> bool:
    """Return whether the content of the file is gzip, whatever its name."""
    with path.open("rb") as file:
        return file.read(len(GZIP_MAGIC)) == GZIP_MAGIC


def read_header(path: Path) -> tuple[int, ...]:
    """Return the shape in the header: ``(n,)`` for labels, ``(n, height, width)`` for images.

    Raises:
        IdxError: the file is missing, is not IDX, or does not contain unsigned bytes in one to
            three dimensions.
    """
    with _opened(path) as file:
        return _parse_header(file, path)


def read_chunks(path: Path, items_per_chunk: int) -> Iterator[np.ndarray]:
    """Read the items (images, labels) in order, a bounded number at a time.

    Memory use is limited to one chunk and to the real size of the data, whatever the header states.

    Yields:
        Read-only ``uint8 [n, ...]``, n being ``items_per_chunk`` or, in the last chunk, the rest.

    Raises:
        IdxError: as ``read_header``; or there is less or more data than the header states, or the
            compressed data is damaged. Chunks that were yielded before may then be wrong.
    """
    with _opened(path) as file:
        count, *item_shape = dimensions = _parse_header(file, path)
        for start in range(0, count, items_per_chunk):
            shape = (min(items_per_chunk, count - start), *item_shape)
            values = _read(file, math.prod(shape))
            if len(values) < math.prod(shape):
                found = start * math.prod(item_shape) + len(values)
                raise IdxError(
                    f"{path} is truncated: its header states {_sizes(dimensions)} = "
                    f"{math.prod(dimensions):,} bytes of data, but only {found:,} are there; "
                    "get the file again"
                )
            yield np.frombuffer(values, np.uint8).reshape(shape)
        # Reading to the end also makes gzip verify its checksum.
        if file.read(1):
            raise IdxError(
                f"{path} is too long: there is more data after the {_sizes(dimensions)} = "
                f"{math.prod(dimensions):,} bytes that its header states; get the file again"
            )


def write(path: Path, array: np.ndarray) -> None:
    """Write ``uint8 [n]``, ``[n, w]`` or ``[n, h, w]`` as IDX, compressed if the name ends in .gz.

    The same array gives the same bytes: the gzip header contains neither a time nor a name.

    Raises:
        ValueError: another dtype or number of dimensions.
    """
    if array.dtype != np.uint8 or not 1 <= array.ndim <= MAX_DIMENSIONS:
        raise ValueError(f"expected uint8 in 1 to 3 dimensions, not {array.dtype} {array.shape}")
    header = struct.pack(f">HBB{array.ndim}I", 0, UNSIGNED_BYTE, array.ndim, *array.shape)
    with path.open("wb") as file:
        if path.suffix == ".gz":
            with gzip.GzipFile(filename="", mode="wb", fileobj=file, mtime=0) as packed:
                packed.write(header + array.tobytes())
        else:
            file.write(header + array.tobytes())


@contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    """Open the uncompressed content of a file; errors of gzip become ``IdxError``."""
    try:
        opener = gzip.open if is_gzip(path) else open
        with opener(path, "rb") as file:
            yield cast(BinaryIO, file)
    except (FileNotFoundError, IsADirectoryError):
        raise IdxError(f"{path} is missing or is not a file; put the IDX file there") from None
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise IdxError(f"{path} is damaged gzip ({error}); get the file again") from None


def _parse_header(file: BinaryIO, path: Path) -> tuple[int, ...]:
    magic = file.read(4)
    if len(magic) < 4 or magic[:2] != b"\0\0":
        raise IdxError(
            f"{path} is not an IDX file: it begins with {magic.hex(' ') or 'nothing'} instead of "
            "00 00 08 and the number of dimensions; put the right file there"
        )
    if magic[2] != UNSIGNED_BYTE:
        raise IdxError(
            f"{path} contains IDX values of type 0x{magic[2]:02x}; only unsigned bytes (0x08) "
            "are supported; convert it to unsigned bytes"
        )
    if not 1 <= magic[3] <= MAX_DIMENSIONS:
        raise IdxError(
            f"{path} has {magic[3]} dimensions; only 1 (labels) to 3 (images) are "
            "supported; write it with 1 to 3"
        )
    sizes = file.read(4 * magic[3])
    if len(sizes) < 4 * magic[3]:
        raise IdxError(f"{path} is truncated: it ends within its header; get the file again")
    dimensions = struct.unpack(f">{magic[3]}I", sizes)
    if 0 in dimensions[1:]:
        raise IdxError(
            f"{path} has the shape {_sizes(dimensions)}: items without values; get the file again"
        )
    return dimensions


def _read(file: BinaryIO, size: int) -> bytes:
    """Read ``size`` bytes, or fewer at the end of the file."""
    pieces = []
    while size and (piece := file.read(min(size, READ_BYTES))):
        pieces.append(piece)
        size -= len(piece)
    return b"".join(pieces)


def _sizes(dimensions: tuple[int, ...]) -> str:
    return " × ".join(f"{size:,}" for size in dimensions)
