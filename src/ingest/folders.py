"""Local folders as sources of IDX files. They are read, never changed."""

import shutil
from pathlib import Path

from src.common.errors import PipelineError
from src.common.files import atomic_file, sha256
from src.ingest import catalog, idx


class SourceError(Exception):
    """Why a source did not deliver a file, in a few words."""

    def __init__(self, reason: str, expected: bool = False):
        super().__init__(reason)
        self.expected = expected  # the source is merely empty; a warning is not needed


class Folder:
    """A folder that may contain files of a dataset."""

    def __init__(self, path: Path):
        self.path = path
        self.label = str(path)

    def fetch(self, name: str, checksum: str, target: Path) -> None:
        """Copy one file into ``target``, if its SHA-256 is ``checksum``.

        Raises:
            SourceError: the file is missing, cannot be read, or has another checksum.
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
            shutil.copyfile(source, partial)
            if sha256(partial) != checksum:
                raise SourceError("wrong content (its SHA-256 differs)")


def copy_local(folders: list[Path], target: Path) -> tuple[Path, dict[str, str]]:
    """Copy the user's own dataset, byte for byte, from the first folder that has all four files.

    The names of the test files may start with ``t10k-`` or ``test-``. Each file may be compressed
    with gzip, or not.

    Returns:
        The folder, and the SHA-256 of each file by its canonical name, which ends in .gz if the
        content is compressed.

    Raises:
        PipelineError: no folder has all four files, or one of them is not IDX.
    """
    incomplete = []
    for folder in folders:
        paths = {name: path for name in catalog.NAMES if (path := _find(folder, name))}
        missing = [name for name in catalog.NAMES if name not in paths]
        if not missing:
            files = {}
            for name, path in paths.items():
                idx.read_header(path)  # an error now names the user's file, not its copy
                copy = target / (f"{name}.gz" if idx.is_gzip(path) else name)
                shutil.copyfile(path, copy)
                files[copy.name] = sha256(copy)
            return folder, files
        incomplete.append(f"{folder} lacks {', '.join(missing)}")
    raise PipelineError(
        f"data.dataset is local, but {'; '.join(incomplete) or 'data.folders is empty'}; put all "
        "four files into one of the folders in data.folders (.gz is optional, and test- may "
        "replace t10k-), or choose another data.dataset"
    )


def _find(folder: Path, name: str) -> Path | None:
    stems = (name, name.replace("t10k-", "test-"))
    paths = [folder / f"{stem}{suffix}" for stem in stems for suffix in (".gz", "")]
    return next((path for path in paths if path.is_file()), None)
