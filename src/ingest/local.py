"""The user's own dataset: four IDX files, or one ``.npz`` file. They are read, never changed."""

from collections.abc import Iterator
from pathlib import Path

from src.common.errors import PipelineError
from src.ingest import catalog, idx, npz
from src.ingest.folders import one_of_equal
from src.ingest.names import find_archives, find_files, has_image_files
from src.ingest.sources import write_verified


def copy_local(folders: list[Path], target: Path) -> Path:
    """Write the dataset, as four uncompressed IDX files, from the first folder that has it.

    For the names of IDX files, see ``find_files``. A folder without IDX files can have a single
    ``.npz`` file; for its arrays, see ``npz.read_pieces``.

    Returns:
        The folder with the IDX files, or the ``.npz`` file.

    Raises:
        PipelineError: no folder has the dataset; a file is damaged; or there are several files for
            the same name, and their contents differ.
    """
    reasons = []
    for folder in folders:
        files, archives = find_files(folder), find_archives(folder)
        missing = [name for name, paths in files.items() if not paths]
        if not missing:
            for name, paths in files.items():
                _write(idx.read_pieces(one_of_equal(paths)), target / name)
            return folder
        if len(missing) == len(catalog.NAMES) and len(archives) == 1:
            for name in catalog.NAMES:
                _write(npz.read_pieces(archives[0], name), target / name)
            return archives[0]
        reasons.append(_reason(folder, missing, archives))
    raise PipelineError(
        f"data.dataset is local, but {'; '.join(reasons) or 'data.folders is empty'}; put all four "
        f"files ({', '.join(catalog.NAMES)}; .gz is optional, and test- may replace t10k-) or a "
        "single .npz file into one of the folders in data.folders, or convert image files: "
        "`python -m src.apps.import_images FOLDER`, with one folder per class in FOLDER"
    )


def _reason(folder: Path, missing: list[str], archives: list[Path]) -> str:
    """Why a folder cannot be used."""
    if archives and len(missing) == len(catalog.NAMES):
        return f"{folder} has {len(archives)} .npz files"
    if len(missing) < len(catalog.NAMES):
        return f"{folder} lacks {', '.join(missing)}"
    if has_image_files(folder):
        return f"{folder} has image files, but no dataset"
    return f"{folder} has no dataset"


def _write(pieces: Iterator[bytes], path: Path) -> None:
    write_verified(pieces, None, path)  # nobody has published a checksum
