"""Collects the four IDX files of a dataset from the first source that has them."""

import os
import sys
import tempfile
from pathlib import Path

import pooch
from rich.console import Console
from rich.panel import Panel

from src.common.errors import PipelineError
from src.common.files import sha256, write_json
from src.common.messages import clean, warn
from src.common.paths import main_checkout
from src.config.params import DataParams
from src.ingest import catalog, digits, idx
from src.ingest.classes import CLASS_NAMES, read_properties
from src.ingest.files import NO_FILE, copy_own, copy_published, copy_verified

TIMEOUT = 3, 10  # seconds: to connect, and for each read
CHUNK_BYTES = 1 << 16


def download(data: DataParams, target: Path) -> dict:
    """Fill the existing, empty folder ``target`` with the four IDX files and ``dataset.json``.

    The files have the names in ``catalog.NAMES`` and are not compressed, so that the same data
    gives the same files wherever they come from. Sources, in this order: ``data.folders``, the
    mirrors, the fallback dataset. The checksum of a published file is verified.

    Returns:
        The content of ``dataset.json``: ``name`` of the dataset, the name ``requested``,
        ``is_fallback``, ``is_published`` (it is not the user's own), ``counts`` of ``train`` and
        ``test`` images, the SHA-256 of each of the ``files``, ``class_names`` and ``conversion``
        (see ``read_properties``). It depends only on the data, not on their source.

    Raises:
        PipelineError: no source has the files, and ``data.fallback`` is ``none``; or a file of the
            user's own dataset is missing or damaged.
    """
    names = [os.path.expanduser(name.replace("{dataset}", data.dataset)) for name in data.folders]
    folders = [Path(os.path.abspath(main_checkout() / name)) for name in names]
    name, properties = _collect(data, folders, target)
    is_published = data.dataset != "local"
    requested = data.dataset if is_published else name
    train, _, test, _ = (idx.read_header(target / file)[0] for file in catalog.NAMES)
    info = {
        "name": name,
        "requested": requested,
        "is_fallback": name != requested,
        "is_published": is_published,
        "counts": {"train": train, "test": test},
        "files": {file: sha256(target / file) for file in catalog.NAMES},
        **properties,
    }
    write_json(target / "dataset.json", info)
    return info


def _collect(data: DataParams, folders: list[Path], target: Path) -> tuple[str, dict]:
    """Write the files of a dataset; return its name and its properties."""
    if data.dataset == "local":
        source = copy_own(folders, target)
        names = " and its labels.txt" if (source / CLASS_NAMES).exists() else ""
        print(clean(f"local: the four files from {source}{names}"), file=sys.stderr)
        return data.name, read_properties(source)
    if data.dataset != "digits" and _fetch(data, folders, target):
        known = catalog.CATALOGUE[data.dataset]
        return data.dataset, {"class_names": known.class_names, "conversion": known.conversion}
    digits.write(target)
    return "digits", {"class_names": catalog.DIGITS, "conversion": catalog.DRAWINGS}


def _fetch(data: DataParams, folders: list[Path], target: Path) -> bool:
    """Fetch the four files of a published dataset; False if the fallback is to be used.

    Raises:
        PipelineError: a file is missing, and ``data.fallback`` is ``none``.
    """
    public = catalog.CATALOGUE[data.dataset].mirrors
    missing, reasons = list(catalog.NAMES), list[str]()
    for source in (*folders, *(public if data.mirrors == "public" else data.mirrors)):
        reasons += _fetch_from(source, data.dataset, missing, target)
        if not missing:
            return True
    reasons = reasons or ["params.yaml names neither a folder nor a mirror"]
    listed = "".join(f"\n  {clean(reason)}" for reason in reasons)
    advice = (
        f"To use {data.dataset}: connect to the network, or put the four files "
        f"({', '.join(catalog.NAMES)}; plain or .gz) into data/incoming; and run `dvc repro "
        "--force download`, then `dvc repro`."
    )
    if data.fallback == "none":
        raise PipelineError(f"{data.dataset} could not be downloaded:{listed}\n{advice}")
    text = (
        f"This is NOT {data.dataset}, which could not be downloaded:{listed}\n\nAll results are "
        f"for the fallback dataset: 1,797 digits bundled with scikit-learn. {advice} To stop "
        "instead: set data.fallback to none in params.yaml."
    )
    title = f"FALLBACK DATASET, NOT {data.dataset.upper()}"
    console = Console(stderr=True, highlight=False, markup=False, emoji=False)
    console.print(Panel(text, title=title, style="bold red"))
    return False


def _fetch_from(source: Path | str, dataset: str, missing: list[str], target: Path) -> list[str]:
    """Fetch files from a folder or a mirror, and remove their names from ``missing``.

    Returns:
        Why the source does not have the others.
    """
    failures: dict[str, list[str]] = {}
    for name in tuple(missing):
        try:
            if isinstance(source, Path):
                copy_published(source, name, dataset, target)
            else:
                _download(source, name, dataset, target)
        except PipelineError as error:
            failures.setdefault(str(error), []).append(name)
            if isinstance(source, str):  # do not wait for each file of this mirror
                break
        else:
            missing.remove(name)
            size = (target / name).stat().st_size
            print(clean(f"{name}: {size:,} bytes from {source}"), file=sys.stderr)
    for reason, names in failures.items():
        if reason != NO_FILE:
            warn(f"{names[0]} from {source}: {reason}")
    return [f"{source}: {reason} ({', '.join(names)})" for reason, names in failures.items()]


def _download(url: str, name: str, dataset: str, target: Path) -> None:
    """Download a .gz file, and write its content into ``target`` if its checksum is right.

    Raises:
        PipelineError: no connection, an HTTP error, an incomplete transfer, or wrong content.
    """
    downloader = pooch.HTTPDownloader(
        progressbar=sys.stderr.isatty(),
        chunk_size=CHUNK_BYTES,
        timeout=TIMEOUT,
        headers={"Accept-Encoding": "identity"},  # requests would unpack a .gz file on the way
    )
    # Inside the target: it has enough space, and is deleted also after this process was killed.
    with tempfile.TemporaryDirectory(dir=target) as folder:
        packed = Path(folder, f"{name}.gz")
        try:
            downloader(f"{url.rstrip('/')}/{packed.name}", packed, None)
        except (OSError, TypeError, ValueError) as error:  # TypeError: a proxy without a host
            raise PipelineError(_root_cause(error)) from None
        try:
            copy_verified(packed, name, dataset, target)
        except PipelineError:  # with the path of the temporary file
            raise PipelineError("wrong content") from None


def _root_cause(error: BaseException) -> str:
    """The message of the first error; the errors raised from it repeat the URL several times."""
    while error.__context__:
        error = error.__context__
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return " ".join(text.split())
