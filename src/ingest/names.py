"""Finds the files of a dataset in a folder by their names."""

from pathlib import Path

from src.ingest import catalog
from src.ingest.idx import AnyPath

IMAGE_SUFFIXES = frozenset(
    (".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".bmp", ".tif", ".tiff", ".webp")
)  # in lower case


def find_files(folder: AnyPath, dataset: catalog.Dataset | None = None) -> dict[str, list[AnyPath]]:
    """Return the files in a folder, sorted, for each of ``catalog.NAMES``.

    A file name may have lower or upper case, ``.idx`` in place of ``-idx``, ``test-`` in place of
    ``t10k-``, and may end in ``.gz``, whether or not the content is compressed. Files with the
    names that only ``dataset`` has come before those with the names in ``catalog.NAMES``.
    """
    own_names = _published_names(dataset) if dataset else {}
    own: dict[str, list[AnyPath]] = {name: [] for name in catalog.NAMES}
    others: dict[str, list[AnyPath]] = {name: [] for name in catalog.NAMES}
    paths: list[AnyPath] = sorted(folder.iterdir(), key=str) if folder.is_dir() else []
    for path in paths:
        if (plain := _plain(path.name)) in own_names and path.is_file():
            own[own_names[plain]].append(path)
        elif (name := _canonical(plain)) in others and path.is_file():
            others[name].append(path)
    return {name: own[name] or others[name] for name in catalog.NAMES}


def find_archives(folder: Path) -> list[Path]:
    """Return the ``.npz`` files in a folder, sorted."""
    return sorted(
        path for path in folder.glob("*") if path.suffix.lower() == ".npz" and path.is_file()
    )


def has_image_files(folder: Path) -> bool:
    """Whether there are files with the suffix of an image in a folder or its subfolders."""
    return any(path.suffix.lower() in IMAGE_SUFFIXES for path in folder.rglob("*"))


def has_published_name(path: AnyPath, dataset: catalog.Dataset) -> bool:
    """Whether a file has a name that only this dataset has."""
    return _plain(path.name) in _published_names(dataset)


def _published_names(dataset: catalog.Dataset) -> dict[str, str]:
    """The names that only this dataset has, in the form of ``_plain``, and those in data/raw."""
    return {_plain(file.name): name for name, file in dataset.files.items() if file.name != name}


def _plain(name: str) -> str:
    return name.lower().removesuffix(".gz").replace(".idx", "-idx")


def _canonical(plain: str) -> str:
    return f"t10k-{plain.removeprefix('test-')}" if plain.startswith("test-") else plain
