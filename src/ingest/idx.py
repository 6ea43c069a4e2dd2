"""The IDX format, in which MNIST and its relatives are published: plain or gzip.

Layout: two zero bytes; a type code; the number of dimensions; each dimension as a big-endian
uint32; then the big-endian values, last dimension fastest. Such datasets use the type code 0x08,
unsigned byte, and QMNIST's labels also 0x0c, int32. An int32 value is read as a last dimension of
four bytes.
"""

import gzip
import math
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

import numpy as np

from src.common.errors import PipelineError

GZIP_MAGIC = b"\x1f\x8b"
UNSIGNED_BYTE = 0x08
INT32 = 0x0C
KINDS = {UNSIGNED_BYTE: "unsigned bytes", INT32: "32-bit integers"}
MAX_DIMENSIONS = 3
READ_BYTES = 1 << 20  # of one read: its size is allocated first, and a header may be wrong
AnyPath = Path | zipfile.Path  # a file in a folder or in a .zip file


class IdxError(PipelineError):
    """The file is not a complete, valid IDX file of the expected type."""


def read_header(path: AnyPath, code: int = UNSIGNED_BYTE) -> tuple[int, ...]:
    """Return the shape in the header: ``(n,)`` for labels, ``(n, height, width)`` for images.

    Args:
        code: ``UNSIGNED_BYTE``; or ``INT32``: the shape is ``(…, 4)``.

    Raises:
        IdxError: the file is missing, is not IDX, or does not contain values of this type in one
            to three dimensions.
    """
    with _opened(path) as file:
        return _parse_header(file, path, code)


def read_chunks(
    path: AnyPath, items_per_chunk: int, code: int = UNSIGNED_BYTE
) -> Iterator[np.ndarray]:
    """Read the items (images, labels) in order, a bounded number at a time.

    Memory use is limited to one chunk and to the real size of the data, whatever the header states.

    Yields:
        Read-only ``uint8 [n, ...]``, n being ``items_per_chunk`` or, in the last chunk, the rest.

    Raises:
        IdxError: as ``read_header``; or there is less or more data than the header states, or the
            compressed data is damaged. Chunks that were yielded before may then be wrong.
    """
    with _opened(path) as file:
        count, *item_shape = dimensions = _parse_header(file, path, code)
        for start in range(0, count, items_per_chunk):
            shape = (min(items_per_chunk, count - start), *item_shape)
            values = _read(file, math.prod(shape))
            if len(values) < math.prod(shape):
                raise _truncated(path, dimensions, start * math.prod(item_shape) + len(values))
            yield np.frombuffer(values, np.uint8).reshape(shape)
        _expect_end(file, path, dimensions)


def read_pieces(path: AnyPath) -> Iterator[bytes]:
    """Read the uncompressed file with its header, at most 1 MiB at a time.

    Raises:
        IdxError: as ``read_chunks``.
    """
    with _opened(path) as file:
        dimensions = _parse_header(file, path)
        yield header(dimensions)
        yield from read_values(file, dimensions, path)


def read_values(
    file: BinaryIO, dimensions: tuple[int, ...], label: AnyPath | str
) -> Iterator[bytes]:
    """Read all bytes that follow a header, at most 1 MiB at a time.

    Args:
        file: positioned behind the header.
        label: the file or the part of it, for error messages.

    Raises:
        IdxError: there is less or more data than the header states.
    """
    size = missing = math.prod(dimensions)
    while missing:
        piece = file.read(min(missing, READ_BYTES))
        if not piece:
            raise _truncated(label, dimensions, size - missing)
        missing -= len(piece)
        yield piece
    _expect_end(file, label, dimensions)


def header(dimensions: tuple[int, ...]) -> bytes:
    """Return the bytes before the values: of one to three sizes, each below 2³²."""
    return struct.pack(f">HBB{len(dimensions)}I", 0, UNSIGNED_BYTE, len(dimensions), *dimensions)


def write(path: Path, array: np.ndarray) -> None:
    """Write ``uint8 [n]``, ``[n, w]`` or ``[n, h, w]`` as an IDX file, not compressed.

    Raises:
        ValueError: another dtype or number of dimensions.
    """
    if array.dtype != np.uint8 or not 1 <= array.ndim <= MAX_DIMENSIONS:
        raise ValueError(f"expected uint8 in 1 to 3 dimensions, not {array.dtype} {array.shape}")
    path.write_bytes(header(array.shape) + array.tobytes())


@contextmanager
def _opened(path: AnyPath) -> Iterator[BinaryIO]:
    """Open the uncompressed content of a file; errors of reading become ``IdxError``."""
    try:
        if not path.is_file():  # opening a named pipe would wait for a writer
            raise FileNotFoundError
        with path.open("rb") as file:
            is_gzip = file.read(len(GZIP_MAGIC)) == GZIP_MAGIC  # whatever the name is
            file.seek(0)
            yield cast(BinaryIO, gzip.GzipFile(fileobj=file) if is_gzip else file)
    except FileNotFoundError:
        raise IdxError(f"{path} is missing or is not a file; put the IDX file there") from None
    except (gzip.BadGzipFile, EOFError, zlib.error, zipfile.BadZipFile) as error:
        raise IdxError(f"{path} is damaged gzip ({error}); get the file again") from None
    except OSError as error:
        raise IdxError(
            f"{path} cannot be read ({error.strerror}); allow access to it, or get the file again"
        ) from None


def _parse_header(file: BinaryIO, path: AnyPath, code: int = UNSIGNED_BYTE) -> tuple[int, ...]:
    magic = file.read(4)
    if len(magic) < 4 or magic[:2] != b"\0\0":
        raise IdxError(
            f"{path} is not an IDX file: it begins with {magic.hex(' ') or 'nothing'} instead of "
            "00 00 08 and the number of dimensions; put the right file there"
        )
    if magic[2] != code:
        raise IdxError(
            f"{path} contains IDX values of type 0x{magic[2]:02x}; only {KINDS[code]} "
            f"(0x{code:02x}) are supported; convert it to {KINDS[code]}"
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
            f"{path} has the shape {describe(dimensions)}: items without values; get the file again"
        )
    return (*dimensions, 4) if code == INT32 else dimensions


def _read(file: BinaryIO, size: int) -> bytes:
    """Read ``size`` bytes, or fewer at the end of the file."""
    pieces = []
    while size and (piece := file.read(min(size, READ_BYTES))):
        pieces.append(piece)
        size -= len(piece)
    return b"".join(pieces)


def _truncated(label: AnyPath | str, dimensions: tuple[int, ...], found: int) -> IdxError:
    return IdxError(
        f"{label} is truncated: its header states {describe(dimensions)} = "
        f"{math.prod(dimensions):,} bytes of data, but only {found:,} are there; get the file again"
    )


def _expect_end(file: BinaryIO, label: AnyPath | str, dimensions: tuple[int, ...]) -> None:
    # Reading to the end also makes gzip and zip verify their checksums.
    if file.read(1):
        raise IdxError(
            f"{label} is too long: there is more data after the {describe(dimensions)} = "
            f"{math.prod(dimensions):,} bytes that its header states; get the file again"
        )


def describe(dimensions: tuple[int, ...]) -> str:
    """A shape for messages, such as "60,000 × 28 × 28"."""
    return " × ".join(f"{size:,}" for size in dimensions)
