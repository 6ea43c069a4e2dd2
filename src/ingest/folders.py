"""Local folders as sources of IDX files. They are read, never changed."""

import hashlib
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from src.common.errors import PipelineError
from src.common.files import sha256
from src.ingest import catalog, idx, npz
from src.ingest.sources import Source, SourceError, write_verified


class Folder:
    """A folder that may contain IDX files of a published dataset."""

    def __init__(self, path: Path):
        self.path = path
        self.label = str(path)

    def fetch(self, name: str, known: catalog.Checksums, target: Path) -> None:
        """Copy the uncompressed content of a file into ``target``, if it is the known content.

        If only the checksum of the published .gz file is known, this file is required.

        Raises:
            SourceError: the file is missing, cannot be read, or has another content.
            PipelineError: there are several files for ``name``, and their contents differ.
        """
        if not self.path.is_dir():
            raise SourceError("no such folder", expected=True)
        try:
            paths = find_files(self.path)[name]
            if not paths:
                raise SourceError("no such file", expected=True)
            path = one_of_equal(paths)
            if known.content is None and known.gzip not in map(sha256, paths):
                raise SourceError(
                    "wrong content (its SHA-256 differs, or it is not the published .gz file)"
                )
        except idx.IdxError as error:
            raise SourceError(str(error)) from None
        except OSError as error:
            raise SourceError(f"cannot be read: {error.strerror}") from None
        _write(idx.read_pieces(path), known, target / name)


class Archive:
    """An ``.npz`` file that may contain a published dataset, such as Keras' ``mnist.npz``."""

    def __init__(self, path: Path):
        self.path = path
        self.label = str(path)

    def fetch(self, name: str, known: catalog.Checksums, target: Path) -> None:
        """Write an array as an IDX file into ``target``, if this is the known content.

        Raises:
            SourceError: the archive is damaged, lacks the array, or has another content.
        """
        if known.content is None:
            raise SourceError("the checksums of the contents are unknown; use the .gz files")
        _write(npz.read_pieces(self.path, name), known, target / name)


def sources_in(folder: Path, dataset: str) -> list[Source]:
    """Return the folder, and the ``.npz`` file in it that has the name of the dataset."""
    archives = [path for path in find_archives(folder) if path.stem.lower() == dataset]
    return [Folder(folder), *map(Archive, archives)]


def find_files(folder: Path) -> dict[str, list[Path]]:
    """Return the files in a folder, sorted, for each of ``catalog.NAMES``.

    A file name may have lower or upper case, ``.idx`` in place of ``-idx``, ``test-`` in place of
    ``t10k-``, and may end in ``.gz``, whether or not the content is compressed.
    """
    found: dict[str, list[Path]] = {name: [] for name in catalog.NAMES}
    if folder.is_dir():
        for path in sorted(folder.iterdir()):
            if (name := _canonical(path.name)) in found and path.is_file():
                found[name].append(path)
    return found


def find_archives(folder: Path) -> list[Path]:
    """Return the ``.npz`` files in a folder, sorted."""
    return sorted(
        path for path in folder.glob("*") if path.suffix.lower() == ".npz" and path.is_file()
    )


def one_of_equal(paths: list[Path]) -> Path:
    """Return the first of one or more IDX files that have the same uncompressed content.

    Raises:
        PipelineError: their contents differ.
        IdxError: there are several, and one of them is damaged.
    """
    by_content = defaultdict(list)
    for path in paths if len(paths) > 1 else []:
        by_content[_content_sha256(path)].append(path)
    if len(by_content) > 1:
        one, other, *_ = (equal[0] for equal in by_content.values())
        raise PipelineError(
            f"{one} and {other} are for the same file, but their contents differ; remove one of "
            "them, and run `dvc repro`"
        )
    return paths[0]


def _canonical(name: str) -> str:
    stem = name.lower().removesuffix(".gz").replace(".idx", "-idx")
    return f"t10k-{stem.removeprefix('test-')}" if stem.startswith("test-") else stem


def _content_sha256(path: Path) -> str:
    digest = hashlib.sha256()
    for piece in idx.read_pieces(path):
        digest.update(piece)
    return digest.hexdigest()


def _write(pieces: Iterator[bytes], known: catalog.Checksums, path: Path) -> None:
    try:
        write_verified(pieces, known.content, path)
    except idx.IdxError as error:
        raise SourceError(str(error)) from None
