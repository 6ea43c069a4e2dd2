"""The files of a dataset in a folder: four IDX files, or an ``.npz`` file. They are only read."""

from pathlib import Path

import numpy as np

from src.common.errors import PipelineError
from src.common.files import atomic_file, sha256
from src.ingest import catalog, idx

# Which array of an .npz file such as Keras' mnist.npz is which IDX file.
ARRAYS = dict(zip(catalog.NAMES, ("x_train", "y_train", "x_test", "y_test"), strict=True))
IMAGE_SUFFIXES = frozenset(
    (".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".gif", ".bmp", ".tif", ".tiff", ".webp")
)  # in lower case


def find_files(folder: Path) -> dict[str, list[Path]]:
    """Return the files in a folder that have the content of each of ``catalog.NAMES``.

    These are IDX files. Their names may have lower or upper case, ``.idx`` in place of ``-idx``,
    ``test-`` in place of ``t10k-``, and may end in ``.gz``, whether or not the content is
    compressed. Without any IDX file, these are the ``.npz`` files: each has all arrays.
    """
    found: dict[str, list[Path]] = {name: [] for name in catalog.NAMES}
    paths = [path for path in sorted(folder.glob("*")) if path.is_file()]
    for path in paths:
        name = path.name.lower().removesuffix(".gz").replace(".idx", "-idx")
        if name.startswith("test-"):
            name = f"t10k-{name.removeprefix('test-')}"
        if name in found:
            found[name].append(path)
    archives = [path for path in paths if path.suffix.lower() == ".npz"]
    return found if any(found.values()) else dict.fromkeys(catalog.NAMES, archives)


def read_array(path: Path, name: str) -> np.ndarray:
    """Read the array of an ``.npz`` file that belongs in the IDX file ``name``; never a pickle.

    Args:
        path: a file that ``np.savez`` or ``np.savez_compressed`` wrote, with the arrays
            ``x_train``, ``x_test`` (``uint8 [N, H, W]``), ``y_train`` and ``y_test``
            (``uint8 [N]``).
        name: one of ``catalog.NAMES``.

    Raises:
        PipelineError: the file is damaged, or the array is missing or has another dtype or shape.
    """
    key = ARRAYS[name]
    try:
        with np.load(path, allow_pickle=False) as archive:
            array = archive[key]
    except KeyError:
        arrays = ", ".join(ARRAYS.values())
        raise PipelineError(f"{path} has no array {key}; save {arrays} in it") from None
    except Exception as error:  # zipfile, zlib and NumPy raise ten kinds of errors
        reason = " ".join(str(error).split()) or type(error).__name__
        raise PipelineError(
            f"{path}, array {key}, cannot be read ({reason}); save it again with numpy.savez"
        ) from None
    if array.dtype != np.uint8:
        raise PipelineError(f"{path}, array {key}, has the dtype {array.dtype}; save it as uint8")
    dimensions = "[N, H, W]" if key.startswith("x") else "[N]"
    if array.ndim != len(dimensions.split()) or not array.size:
        raise PipelineError(
            f"{path}, array {key}, has the shape {list(array.shape)}; save it with the shape "
            f"{dimensions}"
        )
    return array


def copy(path: Path, name: str, target: Path) -> None:
    """Write the IDX file ``name``, uncompressed, from an IDX file or an ``.npz`` file.

    Raises:
        PipelineError: the file is damaged; ``target`` is then incomplete.
    """
    if path.suffix.lower() == ".npz":
        idx.write(target, read_array(path, name))
        return
    with idx.appending(target, idx.read_header(path)[1:]) as append:
        for chunk in idx.read_chunks(path):
            append(chunk)


def copy_published(folder: Path, name: str, dataset: str, target: Path) -> bool:
    """Write the file ``name`` of a published dataset into ``target``, if its checksum is right.

    Returns:
        Whether the folder has a file for this name.

    Raises:
        PipelineError: it is damaged, or it has another content.
    """
    paths = find_files(folder)[name]
    for path in paths:
        try:
            copy_verified(path, name, dataset, target)
            break
        except PipelineError:
            if path == paths[-1]:
                raise
    return bool(paths)


def copy_verified(path: Path, name: str, dataset: str, target: Path) -> None:
    """As ``copy``, into the folder ``target``, if the catalogue has the checksum of the file.

    Raises:
        PipelineError: it is damaged, or it has another content.
    """
    known, number = catalog.CATALOGUE[dataset], catalog.NAMES.index(name)
    with atomic_file(target / name) as partial:
        copy(path, name, partial)
        if known.content and sha256(partial) != known.content[number]:
            raise PipelineError("wrong content (its SHA-256 differs)")
        if not known.content and sha256(path) != known.packed[number]:
            raise PipelineError("wrong content (it is not the published .gz file)")


def copy_own(folders: list[Path], target: Path) -> Path:
    """Write the user's dataset, as four IDX files, from the first folder that has it; return that.

    Raises:
        PipelineError: no folder has the dataset; a file is damaged; or there are several files for
            the same name.
    """
    reasons = []
    for folder in folders:
        files = find_files(folder)
        missing = [name for name in catalog.NAMES if not files[name]]
        for name, paths in files.items() if not missing else ():
            if len(paths) > 1:
                raise PipelineError(
                    f"{paths[0]} and {paths[1]} are for the same file; remove one of them, and run "
                    "`dvc repro`"
                )
            copy(paths[0], name, target / name)
        if not missing:
            return folder
        if len(missing) < len(catalog.NAMES):
            reasons.append(f"{folder} lacks {', '.join(missing)}")
        elif any(path.suffix.lower() in IMAGE_SUFFIXES for path in folder.rglob("*")):
            reasons.append(f"{folder} has image files, but no dataset")
        else:
            reasons.append(f"{folder} has no dataset")
    raise PipelineError(
        f"data.dataset is local, but {'; '.join(reasons) or 'data.folders is empty'}; put all four "
        f"files ({', '.join(catalog.NAMES)}; .gz is optional, and test- may replace t10k-) or a "
        "single .npz file into one of the folders in data.folders, or convert image files: "
        "`python -m src.apps.import_images FOLDER`, with one folder per class in FOLDER"
    )
