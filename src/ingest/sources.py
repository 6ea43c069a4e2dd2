"""What folders, archives and mirrors have in common as sources of published files."""

import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import Protocol

from src.common.files import atomic_file
from src.common.messages import clean
from src.ingest.catalog import Dataset
from src.ingest.idx import READ_BYTES, AnyPath


class SourceError(Exception):
    """Why a source did not deliver a file, in a few words."""

    def __init__(self, reason: str, expected: bool = False):
        super().__init__(clean(reason))
        self.expected = expected  # the source is merely empty; a warning is not needed


class Source(Protocol):
    """A place that may have files of a published dataset."""

    label: str  # for messages

    def fetch(self, name: str, dataset: Dataset, target: Path) -> bool:
        """Write the file ``name`` in the form of ``data/raw`` into the folder ``target``.

        Returns:
            Whether a checksum was verified; if none is known, number and size of the images, and
            the labels were checked.

        Raises:
            SourceError: the source does not have the file, or has another one.
        """


def has_checksum(path: AnyPath, checksum: str) -> bool:
    """Whether a file has this checksum: SHA-256, or MD5 after ``md5:``, in hexadecimal."""
    algorithm, _, digest = checksum.rpartition(":")
    found = hashlib.new(algorithm or "sha256", usedforsecurity=False)
    with path.open("rb") as file:
        while piece := file.read(READ_BYTES):
            found.update(piece)
    return found.hexdigest() == digest


def write_verified(pieces: Iterable[bytes], checksum: str | None, path: Path) -> None:
    """Write the pieces to a file, completely or not at all.

    Args:
        checksum: SHA-256 of the content, in hexadecimal; None: it is not checked.

    Raises:
        SourceError: the content has another checksum.
    """
    digest = hashlib.sha256()
    with atomic_file(path) as partial:
        with partial.open("wb") as file:
            for piece in pieces:
                file.write(piece)
                digest.update(piece)
        if checksum and digest.hexdigest() != checksum:
            raise SourceError("wrong content (its SHA-256 differs)")
