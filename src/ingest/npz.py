"""NumPy archives such as Keras' ``mnist.npz``, read as IDX files."""

import math
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tokenize import TokenError
from typing import BinaryIO, cast

import numpy as np

from src.ingest import catalog, idx

# Which array of the archive is which IDX file.
ARRAYS = dict(zip(catalog.NAMES, ("x_train", "y_train", "x_test", "y_test"), strict=True))
# What zipfile and NumPy raise for damaged archives and headers, apart from errors of reading.
DAMAGED = (
    *(zipfile.BadZipFile, zlib.error, struct.error, EOFError, ValueError, NotImplementedError),
    *(RuntimeError, SyntaxError, TokenError, MemoryError),
)


class NpzError(idx.IdxError):
    """The file is not an ``.npz`` file with the four arrays."""


def read_pieces(path: Path, name: str) -> Iterator[bytes]:
    """Read one array as an IDX file with its header, at most 1 MiB at a time.

    Only the header of the array is interpreted, so that a pickle in the archive is never loaded.

    Args:
        path: a file that ``np.savez`` or ``np.savez_compressed`` wrote, with the arrays
            ``x_train``, ``x_test`` (``uint8 [N, H, W]``), ``y_train`` and ``y_test``
            (``uint8 [N]``).
        name: one of ``catalog.NAMES``.

    Raises:
        IdxError: the file is damaged, or the array is missing or has another dtype or shape.
    """
    array = ARRAYS[name]
    label = f"{path}, array {array},"
    with _opened(path, array) as file:
        shape = _read_shape(file, label, dimensions=3 if array.startswith("x") else 1)
        yield idx.header(shape)
        yield from idx.read_values(file, shape, label)


@contextmanager
def _opened(path: Path, array: str) -> Iterator[BinaryIO]:
    """Open one array of an archive; errors of reading become ``NpzError``."""
    try:
        with zipfile.ZipFile(path) as archive, archive.open(f"{array}.npy") as file:
            yield cast(BinaryIO, file)
    except KeyError:
        raise NpzError(
            f"{path} has no array {array}; save x_train, y_train, x_test and y_test in it"
        ) from None
    except OSError as error:
        reason = error.strerror or error
        raise NpzError(f"{path} cannot be read ({reason}); get the file again") from None
    except DAMAGED as error:
        reason = " ".join(str(error).split()) or type(error).__name__  # some have several lines
        raise NpzError(
            f"{path} is a damaged .npz file (array {array}: {reason}); get the file again"
        ) from None


def _read_shape(file: BinaryIO, label: str, dimensions: int) -> tuple[int, ...]:
    """Read the header of an array; return its shape if the array can be an IDX file."""
    version = np.lib.format.read_magic(file)
    if version != (1, 0):  # others are for dtypes with long names
        raise NpzError(f"{label} has the .npy version {version}; save it again with np.savez")
    shape, is_fortran, dtype = np.lib.format.read_array_header_1_0(file)
    if dtype != np.uint8:
        raise NpzError(f"{label} has the dtype {dtype}; save it as uint8")
    if len(shape) != dimensions or not all(0 < size < 1 << 32 for size in shape):
        wanted = "[N, H, W]" if dimensions == len("NHW") else "[N]"
        raise NpzError(f"{label} has the shape {list(shape)}; save it with the shape {wanted}")
    if is_fortran and math.prod(shape) > 1:
        raise NpzError(
            f"{label} has its values in Fortran order; save it with np.ascontiguousarray"
        )
    return shape
