"""The weights after each row of a history, in a file: together they can be larger than memory."""

import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO, cast

import numpy as np

PIECE_BYTES = 1 << 20


class KeptWeights:
    """A file of float32 values without a header: for each row, all weights of the model.

    Two trainings with the same checkpoint may use the file at the same time: they write the same
    bytes to the same places. Bytes after the last row have no meaning.

    Args:
        path: the file, which remains after the training; None for a temporary file.
        count: the number of weights of the model.

    Attributes:
        rows: how many rows were written.
    """

    def __init__(self, path: Path | None, count: int) -> None:
        self.rows = 0
        self._count = count
        if path is None:
            self._file = cast(BinaryIO, tempfile.TemporaryFile())  # noqa: SIM115, open as long as self
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, 0o644), "r+b")

    def append(self, weights: Sequence[np.ndarray]) -> None:
        """Write a row: the result of ``model.get_weights()``."""
        self._file.seek(self._bytes())
        for each in weights:
            self._file.write(np.ascontiguousarray(each, "<f4").data.cast("B"))
        self.rows += 1

    def flush(self) -> None:
        """Return when all rows are on the disk."""
        self._file.flush()
        os.fsync(self._file.fileno())

    def restore(self, rows: int) -> bool:
        """Continue after ``rows`` rows of an earlier process; return whether the file has them."""
        is_complete = self._file.seek(0, os.SEEK_END) >= 4 * rows * self._count
        self.rows = rows if is_complete else 0
        return is_complete

    def save(self, path: Path) -> None:
        """Write all rows as ``float32 [rows, weights]``: the same bytes as those of ``np.save``."""
        shape = self.rows, self._count
        header = {"descr": "<f4", "fortran_order": False, "shape": shape}
        with path.open("wb") as target:
            np.lib.format.write_array_header_1_0(target, header)
            self._file.seek(0)
            missing = self._bytes()
            while piece := self._file.read(min(missing, PIECE_BYTES)):
                missing -= target.write(piece)

    def _bytes(self) -> int:
        return 4 * self.rows * self._count
