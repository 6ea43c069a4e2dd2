"""Local folders as sources of IDX files. They are read, never changed."""

import hashlib
import zipfile
import zlib
from collections import defaultdict
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from src.common.errors import PipelineError
from src.common.messages import escaped
from src.ingest import canonical, catalog, idx, npz
from src.ingest.idx import AnyPath
from src.ingest.names import find_archives, find_files, has_published_name
from src.ingest.sources import Source, SourceError, has_checksum, write_verified

# What zipfile raises for archives that are damaged or encrypted, apart from errors of reading.
DAMAGED = (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError)


class Folder:
    """A folder that may contain IDX files of a published dataset.

    Args:
        is_own: the folder is only for this dataset.
        inside: where the files are in ``path``, a .zip file.
    """

    def __init__(self, path: Path, is_own: bool = False, inside: str = ""):
        self.path = path
        self.label = str(path)
        self._is_own = is_own
        self._inside = inside

    def fetch(self, name: str, dataset: catalog.Dataset, target: Path) -> bool:
        """Write a file in the form of ``data/raw`` into ``target``, if it is the published file.

        Where only the checksum of the published .gz file is known, another file is accepted if its
        name or its folder says that it belongs to the dataset, and ``canonical.check`` allows it.

        Returns:
            Whether a checksum was verified.

        Raises:
            SourceError: the file is missing, cannot be read, or has another content.
            PipelineError: there are several files for ``name``, and their contents differ.
        """
        known = dataset.files[name]
        try:
            path, is_verified = self._find(name, dataset)
            if not is_verified:
                canonical.check(path, name, dataset)
        except idx.IdxError as error:
            raise SourceError(str(error)) from None
        except OSError as error:
            raise SourceError(f"cannot be read: {error.strerror}") from None
        except DAMAGED as error:
            reason = str(error) or type(error).__name__
            raise SourceError(f"damaged or encrypted ({reason}); get the file again") from None
        _write(canonical.read_pieces(path, name, dataset), known, target / name)
        return is_verified

    def _find(self, name: str, dataset: catalog.Dataset) -> tuple[AnyPath, bool]:
        """Return the file for ``name``, and whether a checksum can be or was verified."""
        if not self._inside and not self.path.is_dir():
            raise SourceError("no such folder", expected=True)
        place = zipfile.Path(self.path, f"{self._inside}/") if self._inside else self.path
        paths = find_files(place, dataset)[name]
        if not paths:
            raise SourceError("no such file", expected=True)
        path = one_of_equal(paths, partial(canonical.read_pieces, name=name, dataset=dataset))
        known = dataset.files[name]
        if known.content or any(has_checksum(each, known.gzip) for each in paths):
            return path, True
        if self._is_own or has_published_name(path, dataset):
            return path, False
        raise SourceError(
            "wrong content (its checksum differs, or it is not the published .gz file)"
        )


class Archive:
    """An ``.npz`` file that may contain a published dataset, such as Keras' ``mnist.npz``."""

    def __init__(self, path: Path):
        self.path = path
        self.label = str(path)

    def fetch(self, name: str, dataset: catalog.Dataset, target: Path) -> bool:
        """Write an array as an IDX file into ``target``, if this is the known content.

        Returns:
            True.

        Raises:
            SourceError: the archive is damaged, lacks the array, or has another content.
        """
        known = dataset.files[name]
        if known.content is None:
            raise SourceError("the checksums of the contents are unknown; use the .gz files")
        _write(npz.read_pieces(self.path, name), known, target / name)
        return True


def sources_in(folder: Path, dataset: str) -> list[Source]:
    """Return the folder, and the archives of the dataset in it.

    These are the ``.npz`` file that has the name of the dataset, and the ``.zip`` file that its
    authors publish.
    """
    arrays = [path for path in find_archives(folder) if path.stem.lower() == dataset]
    archive, _, inside = catalog.CATALOGUE[dataset].archive.partition("/")
    paths = sorted(folder.glob("*"))
    zips = [path for path in paths if path.name.lower() == archive and path.is_file()]
    return [
        Folder(folder, is_own=folder.name == dataset),
        *map(Archive, arrays),
        *(Folder(path, inside=inside) for path in zips),
    ]


def one_of_equal(
    paths: list[AnyPath],
    read: Callable[[AnyPath], Iterator[bytes]] = idx.read_pieces,
) -> AnyPath:
    """Return the first of one or more IDX files that have the same content, and say which it is.

    Args:
        read: returns the content of a file in pieces.

    Raises:
        PipelineError: their contents differ.
        IdxError: there are several, and one of them is damaged.
    """
    by_content = defaultdict(list)
    for path in paths if len(paths) > 1 else []:
        by_content[_sha256(read(path))].append(path)
    if len(by_content) > 1:
        one, other, *_ = (equal[0] for equal in by_content.values())
        raise PipelineError(
            f"{one} and {other} are for the same file, but their contents differ; remove one of "
            "them, and run `dvc repro`"
        )
    if len(paths) > 1:
        others = ", ".join(str(path) for path in paths[1:])
        print(escaped(f"{paths[0]} is used; the content of {others} is the same"))
    return paths[0]


def _sha256(pieces: Iterator[bytes]) -> str:
    digest = hashlib.sha256()
    for piece in pieces:
        digest.update(piece)
    return digest.hexdigest()


def _write(pieces: Iterator[bytes], known: catalog.PublishedFile, path: Path) -> None:
    try:
        write_verified(pieces, known.content, path)
    except idx.IdxError as error:
        raise SourceError(str(error)) from None
