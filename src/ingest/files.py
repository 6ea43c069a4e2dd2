"""The files of a dataset in a folder: four IDX files, or an ``.npz`` file. They are only read."""

import os
from pathlib import Path

import numpy as np

from src.common.errors import PipelineError
from src.common.files import atomic_file, sha256
from src.ingest import catalog, idx

# Which array of an .npz file such as Keras' mnist.npz is which IDX file.
ARRAYS = dict(zip(catalog.NAMES, ("x_train", "y_train", "x_test", "y_test"), strict=True))
NO_FILE = "no such file"


def find_files(folder: Path) -> dict[str, list[Path]]:
    """Return the files in a folder that have the content of each of ``catalog.NAMES``.

    These are IDX files. Their names may have lower or upper case, ``.idx`` in place of ``-idx``,
    ``test-`` in place of ``t10k-``, and may end in ``.gz``, whether or not the content is
    compressed. Without any IDX file, these are the ``.npz`` files: each has all arrays.
    """
    files: dict[str, list[Path]] = {name: [] for name in catalog.NAMES}
    if not os.path.isdir(folder):  # also if no folder can have this path
        return files
    paths = [path for path in sorted(folder.glob("*")) if path.is_file()]
    for path in paths:
        name = path.name.lower().removesuffix(".gz").replace(".idx", "-idx")
        files.get(name.replace("test-", "t10k-"), []).append(path)
    archives = [path for path in paths if path.suffix.lower() == ".npz"]
    return files if any(files.values()) else dict.fromkeys(catalog.NAMES, archives)


def copy(path: Path, name: str, target: Path) -> None:
    """Write the IDX file ``name``, not compressed, from an IDX file or an ``.npz`` file.

    An ``.npz`` file has the arrays ``x_train``, ``x_test`` (``uint8 [N, H, W]``), ``y_train`` and
    ``y_test`` (``uint8 [N]``). A PipelineError is raised if the file is damaged, or if the array is
    missing or has another dtype or shape; ``target`` is then not complete.
    """
    if path.suffix.lower() != ".npz":
        return idx.unpack(path, target)
    key = ARRAYS[name]
    try:
        with np.load(path, allow_pickle=False) as archive:
            array = archive[key]
    except Exception as error:  # zipfile, zlib and NumPy raise ten kinds of errors
        reason = " ".join(str(error).split()) or type(error).__name__
        raise PipelineError(
            f"{path}, array {key}, cannot be read ({reason}); save {', '.join(ARRAYS.values())} in "
            "it with numpy.savez"
        ) from None
    form = "[N, H, W]" if key.startswith("x") else "[N]"
    if array.dtype != np.uint8 or array.ndim != len(form.split()):
        found = f"{array.dtype} {list(array.shape)}"
        raise PipelineError(f"{path}, array {key}, is {found}; save it as uint8 {form}")
    idx.write(target, array)


def copy_published(folder: Path, name: str, dataset: str, target: Path) -> None:
    """Write the file ``name`` of a published dataset into ``target``, not compressed.

    A PipelineError is raised if the folder has no such file (``NO_FILE``), or another content.
    """
    failure = PipelineError(NO_FILE)
    known, number = catalog.CATALOGUE[dataset], catalog.NAMES.index(name)
    for path in find_files(folder)[name]:
        try:
            with atomic_file(target / name) as partial:
                copy(path, name, partial)
                if sha256(path if known.is_packed else partial) != known.checksums[number]:
                    file = ".gz file" if known.is_packed else "content"
                    raise PipelineError(f"wrong content (the SHA-256 of the {file} differs)")
                return
        except PipelineError as error:
            failure = error
    raise failure


def copy_own(folders: list[Path], target: Path) -> Path:
    """Write the user's dataset, as four IDX files, from the first folder that has it; return that.

    A PipelineError is raised if there is none, a file is damaged, or two are for the same file.
    """
    reasons = []
    for folder in folders:
        files = find_files(folder)
        if missing := [name for name in catalog.NAMES if not files[name]]:
            reasons.append(f"{folder} lacks {', '.join(missing)}")
            continue
        for name, (path, *others) in files.items():
            if others:
                raise PipelineError(
                    f"{path} and {others[0]} are for the same file; remove one of them, and run "
                    "`dvc repro`"
                )
            copy(path, name, target / name)
        return folder
    raise PipelineError(
        f"data.dataset is local, but {'; '.join(reasons) or 'data.folders is empty'}; put all four "
        "files, or a single .npz file, into one of the folders in data.folders, or convert image "
        "files: `python -m src.apps.import_images FOLDER`, with one folder per class in FOLDER"
    )
