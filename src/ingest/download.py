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
from src.common.messages import clean, root_cause, warn
from src.common.paths import main_checkout
from src.config.params import DataParams
from src.ingest import catalog, digits, idx
from src.ingest.classes import read_properties
from src.ingest.files import NO_FILE, copy_own, copy_published

TIMEOUT = 3, 10  # seconds: to connect, and for each read


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
        print(clean(f"local: the four files from {source}"), file=sys.stderr)
        return data.name, read_properties(source)
    if known := catalog.CATALOGUE.get(data.dataset):
        reasons = _fetch(data, folders, target)
        if not reasons:
            properties = {"class_names": known.class_names, "conversion": known.conversion}
            return data.dataset, properties
        _announce_fallback(data, reasons)
    digits.write(target)
    return "digits", {"class_names": catalog.DIGITS, "conversion": catalog.DRAWINGS}


def _fetch(data: DataParams, folders: list[Path], target: Path) -> list[str]:
    """Fetch the four files of a published dataset; return why no source has one of them, if so."""
    public = catalog.CATALOGUE[data.dataset].mirrors
    sources = [*folders, *(public if data.mirrors == "public" else data.mirrors)]
    reasons = list[str]()
    for name in catalog.NAMES:
        for source in tuple(sources):
            try:
                if isinstance(source, Path):
                    copy_published(source, name, data.dataset, target)
                else:
                    _download(source, name, data.dataset, target)
            except PipelineError as error:
                reasons.append(f"{source}: {error} ({name})")
                if str(error) != NO_FILE:
                    warn(reasons[-1])
                if isinstance(source, str):  # do not wait for it again
                    sources.remove(source)
            else:
                size = (target / name).stat().st_size
                print(clean(f"{name}: {size:,} bytes from {source}"), file=sys.stderr)
                break
        else:
            return reasons or ["params.yaml names neither a folder nor a mirror"]
    return []


def _announce_fallback(data: DataParams, reasons: list[str]) -> None:
    """Say why a published dataset is not used, or stop if ``data.fallback`` is ``none``."""
    listed = "".join(f"\n  {clean(reason)}" for reason in reasons)
    failed = f"{data.dataset} could not be downloaded:{listed}\n"
    advice = (
        f"To use {data.dataset}: connect to the network, or put the four files "
        f"({', '.join(catalog.NAMES)}; plain or .gz) into data/incoming; and run `dvc repro "
        "--force download`, then `dvc repro`."
    )
    if data.fallback == "none":
        raise PipelineError(failed + advice)
    text = (
        f"{failed}\nAll results are for the fallback dataset: 1,797 digits bundled with "
        f"scikit-learn. {advice} To stop instead: set data.fallback to none in params.yaml."
    )
    title = f"FALLBACK DATASET, NOT {data.dataset.upper()}"
    console = Console(stderr=True, highlight=False, markup=False, emoji=False)
    console.print(Panel(text, title=title, style="bold red"))


def _download(url: str, name: str, dataset: str, target: Path) -> None:
    """Download a .gz file, and write its content into ``target``; otherwise, a PipelineError."""
    downloader = pooch.HTTPDownloader(
        progressbar=sys.stderr.isatty(),
        timeout=TIMEOUT,
        headers={"Accept-Encoding": "identity"},  # requests would unpack a .gz file on the way
    )
    # Inside the target: it has enough space, and is deleted also after this process was killed.
    with tempfile.TemporaryDirectory(dir=target) as folder:
        packed = Path(folder, f"{name}.gz")
        try:
            downloader(f"{url.rstrip('/')}/{packed.name}", packed, None)
        except (OSError, TypeError, ValueError) as error:  # TypeError: a proxy without a host
            raise PipelineError(root_cause(error)) from None
        try:
            copy_published(Path(folder), name, dataset, target)
        except PipelineError:  # with the path of the temporary file
            raise PipelineError("wrong content") from None
