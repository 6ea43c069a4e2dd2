"""Local folders as sources of IDX files."""

import hashlib
from pathlib import Path

from src.common.errors import PipelineError
from src.common.files import atomic_file
from src.ingest import catalog, idx

COPY_BYTES = 1 << 20


class SourceError(Exception):
    """Why a source did not deliver a file, in a few words.

    Attributes:
        expected: nothing is wrong with the source, or it was told before: no need to warn.
    """

    def __init__(self, reason: str, expected: bool = False):
        super().__init__(reason)
        self.expected = expected


class Folder:
    """A folder of the user's, which is read and never changed."""

    def __init__(self, path: Path):
        self.path = path
        self.label = str(path)

    def fetch(self, name: str, sha256: str, target: Path) -> None:
        """Copy one file into ``target``; it takes its name only if the checksum is right.

        Raises:
            SourceError: the file is not there, cannot be read, or is another one.
        """
        source = self.path / name
        try:
            source.open("rb").close()
        except (FileNotFoundError, NotADirectoryError):
            reason = "no such file" if self.path.is_dir() else "no such folder"
            raise SourceError(reason, expected=True) from None
        except OSError as error:
            raise SourceError(f"cannot be read: {error.strerror}") from None
        with atomic_file(target / name) as partial:
            if copy(source, partial) != sha256:
                raise SourceError("wrong content (its SHA-256 differs), left as it is")


def copy(source: Path, target: Path) -> str:
    """Copy a file in bounded memory; return its SHA-256 in hexadecimal."""
    digest = hashlib.sha256()
    with source.open("rb") as reader, target.open("wb") as writer:
        while block := reader.read(COPY_BYTES):
            digest.update(block)
            writer.write(block)
    return digest.hexdigest()


def copy_local(folders: list[Path], target: Path) -> tuple[Path, dict[str, str]]:
    """Copy a set of the user's own, byte for byte, from the first folder that has all four files.

    The test files may begin with ``t10k-`` or ``test-``, and each may be gzip or plain.

    Returns:
        The folder, and SHA-256 by canonical name, which ends in .gz if the content is gzip.

    Raises:
        PipelineError: no folder has all four, or one of them is not IDX.
    """
    lacking = []
    for folder in folders:
        found = {name: _find(folder, name) for name in catalog.NAMES}
        missing = [name for name, path in found.items() if path is None]
        if not missing:
            files = {}
            for name, path in found.items():
                idx.read_header(path)  # a fault is told with the name of the user's own file
                whole_name = f"{name}.gz" if idx.is_gzip(path) else name
                files[whole_name] = copy(path, target / whole_name)
            return folder, files
        lacking.append(f"{folder} lacks {', '.join(missing)}")
    raise PipelineError(
        f"data.dataset is local, but {'; '.join(lacking) or 'data.folders names no folder'}; put "
        "all four files into one of the folders under data.folders (with or without .gz, and "
        "test- instead of t10k- if you like), or choose another data.dataset"
    )


def _find(folder: Path, name: str) -> Path | None:
    for stem in (name, name.replace("t10k-", "test-")):
        for path in (folder / f"{stem}.gz", folder / stem):
            if path.is_file():
                return path
    return None
