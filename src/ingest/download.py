"""Collects the four IDX files of a dataset from the first source that has them."""

import logging
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from reprlib import repr as short_repr
from typing import TYPE_CHECKING

import pooch
import requests
from rich.console import Console
from rich.panel import Panel

from src.common.errors import PipelineError
from src.common.files import sha256, write_json
from src.common.messages import clean, warn
from src.common.paths import main_checkout
from src.ingest import catalog, digits, idx
from src.ingest.classes import read_properties
from src.ingest.conversion import DRAWINGS
from src.ingest.files import copy_own, copy_published, copy_verified

if TYPE_CHECKING:
    from src.config.params import DataParams

TIMEOUT = 3, 10  # seconds: to connect, and for each read
CHUNK_BYTES = 1 << 16
pooch.get_logger().setLevel(logging.CRITICAL)  # this module reports errors itself


def download(data: "DataParams", target: Path) -> dict:
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
    folders = [_place(folder, data.dataset) for folder in data.folders]
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


def _collect(data: "DataParams", folders: list[Path], target: Path) -> tuple[str, dict]:
    """Write the files of a dataset; return its name and its properties."""
    if data.dataset == "local":
        source = copy_own(folders, target)
        print(clean(f"local: the four files from {source}"), file=sys.stderr)
        return data.name, read_properties(source)
    if data.dataset != "digits" and _fetch(data, folders, target):
        known = catalog.CATALOGUE[data.dataset]
        return data.dataset, {"class_names": known.class_names, "conversion": known.conversion}
    digits.write(target)
    return "digits", {"class_names": catalog.DIGITS, "conversion": DRAWINGS}


def _place(folder: str, dataset: str) -> Path:
    """The complete path of one of ``data.folders``, which may be missing."""
    try:
        path = Path(folder.replace("{dataset}", dataset)).expanduser()
        path = (main_checkout() / path).resolve()
        with suppress(FileNotFoundError, NotADirectoryError, PermissionError):
            path.stat()
        return path
    except (OSError, RuntimeError, ValueError) as error:  # a name too long, a loop of links, a NUL
        raise PipelineError(
            f"data.folders has {short_repr(folder)}, where no folder can be "
            f"({getattr(error, 'strerror', None) or error}); correct it in params.yaml"
        ) from None


def _fetch(data: "DataParams", folders: list[Path], target: Path) -> bool:
    """Fetch the four files of a published dataset; False if the fallback is to be used.

    Raises:
        PipelineError: a file is missing, and ``data.fallback`` is ``none``.
    """
    public = catalog.CATALOGUE[data.dataset].mirrors
    mirrors = public if data.mirrors == "public" else data.mirrors
    missing, reasons = list(catalog.NAMES), []
    for source in (*folders, *mirrors):
        failures = _fetch_from(source, data.dataset, missing, target)
        missing = [name for names in failures.values() for name in names]
        for reason, names in failures.items():
            which = f" ({', '.join(names)})" if len(names) < len(catalog.NAMES) else ""
            reasons.append(f"{source}: {reason}{which}")
        if not missing:
            return True
    reasons = reasons or ["params.yaml names neither a folder nor a mirror"]
    put = f"put the four files ({', '.join(catalog.NAMES)}; plain or .gz) into data/incoming"
    if data.fallback == "none":
        raise PipelineError(
            "\n  ".join([f"{data.dataset} could not be downloaded:", *reasons])
            + f"\nConnect to the network, or {put}, and run `dvc repro`."
        )
    _announce_fallback(data.dataset, reasons, put)
    return False


def _fetch_from(
    source: Path | str, dataset: str, names: list[str], target: Path
) -> dict[str, list[str]]:
    """Fetch files from a folder or a mirror; return why not, and for each reason the names."""
    failures: dict[str, list[str]] = {}
    for number, name in enumerate(names):
        try:
            if isinstance(source, str):
                _download(source, name, dataset, target)
            elif not copy_published(source, name, dataset, target):
                failures.setdefault("no such file", []).append(name)
                continue
        except PipelineError as error:
            reason = str(error)
            if reason not in failures:
                warn(f"{name} from {source}: {reason}")
            if isinstance(source, str):  # do not wait for each file of this mirror
                return {reason: names[number:]}
            failures.setdefault(reason, []).append(name)
        else:
            size = (target / name).stat().st_size
            print(clean(f"{name}: {size:,} bytes from {source}"), file=sys.stderr)
    return failures


def _download(url: str, name: str, dataset: str, target: Path) -> None:
    """Download a .gz file with the right checksum, and write its content into ``target``.

    Raises:
        PipelineError: no connection, an HTTP error, an incomplete transfer, or wrong content.
    """
    packed = f"{name}.gz"
    checksum = catalog.CATALOGUE[dataset].packed[catalog.NAMES.index(name)]
    downloader = pooch.HTTPDownloader(
        progressbar=sys.stderr.isatty(),
        chunk_size=CHUNK_BYTES,
        timeout=TIMEOUT,
        headers={"Accept-Encoding": "identity"},  # requests would unpack a .gz file on the way
    )
    # Inside the target: it has enough space, and is deleted also after this process was killed.
    with tempfile.TemporaryDirectory(dir=target) as folder:
        try:
            path = pooch.retrieve(
                f"{url.rstrip('/')}/{packed}", checksum, packed, folder, downloader=downloader
            )
        except requests.HTTPError as error:
            raise PipelineError(f"HTTP status {error.response.status_code}") from None
        except requests.exceptions.ChunkedEncodingError:
            raise PipelineError("the transfer was incomplete") from None
        except (OSError, TypeError) as error:  # TypeError: the address of a proxy without a host
            raise PipelineError(_root_cause(error)) from None
        except ValueError:  # of pooch
            raise PipelineError("wrong content (its checksum differs)") from None
        copy_verified(Path(path), name, dataset, target)


def _root_cause(error: BaseException) -> str:
    """The message of the first error; the errors raised from it repeat the URL several times."""
    while error.__context__:
        error = error.__context__
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return " ".join(text.split())


def _announce_fallback(dataset: str, reasons: list[str], put: str) -> None:
    text = (
        f"This is NOT {dataset}, which could not be downloaded. All results are for the fallback "
        "dataset: 1,797 digits bundled with scikit-learn.\n\n"
        + "".join(f"• {clean(reason)}\n" for reason in reasons)
        + f"\nTo use {dataset}: connect to the network, or {put}; and run `dvc repro --force "
        "download`, then `dvc repro`. To stop instead: set data.fallback to none in params.yaml."
    )
    console = Console(stderr=True, highlight=False, markup=False, emoji=False)
    console.print(Panel(text, title=f"FALLBACK DATASET, NOT {dataset.upper()}", style="bold red"))
