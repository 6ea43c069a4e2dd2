"""Collects the four IDX files of a dataset from the first source that has them."""

from collections import defaultdict
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from reprlib import repr as short_repr
from typing import TYPE_CHECKING

from rich.console import Console
from rich.panel import Panel

from src.common.errors import PipelineError
from src.common.files import sha256, write_json
from src.common.paths import main_checkout
from src.ingest import catalog, digits, idx
from src.ingest.folders import sources_in
from src.ingest.local import copy_local
from src.ingest.mirrors import Mirror
from src.ingest.properties import Properties, known_properties, read_properties
from src.ingest.sources import Source, SourceError

if TYPE_CHECKING:
    from src.config.params import DataParams

# Source, reason, and the names of the files that it did not deliver for this reason.
Failures = defaultdict[str, defaultdict[str, list[str]]]


def download(data: "DataParams", target: Path) -> dict:
    """Fill the existing, empty folder ``target`` with the four IDX files and ``dataset.json``.

    The files have the names in ``catalog.NAMES`` and are not compressed, so that the same data
    gives the same files wherever they come from. Sources, in this order: ``data.folders``, the
    mirrors, the fallback dataset. The checksum of a published file is verified if it is known.

    Returns:
        The content of ``dataset.json``: ``name`` of the dataset, the name ``requested``,
        ``is_fallback``, ``is_published`` (it is not the user's own), ``counts`` of ``train`` and
        ``test`` images, ``class_names`` and ``conversion`` (see ``Properties``), and the SHA-256 of
        the ``files``. It depends only on the data, not on their source.

    Raises:
        PipelineError: no source has the files, and ``data.fallback`` is ``none``; a file of the
            user's own dataset is missing or damaged; or a folder has two different files for one.
    """
    console = Console(stderr=True, soft_wrap=True, highlight=False, markup=False, emoji=False)
    name, properties = _collect(data, target, console)
    is_published = data.dataset != "local"
    requested = data.dataset if is_published else name
    train, _, test, _ = (idx.read_header(target / file)[0] for file in catalog.NAMES)
    info = {
        "name": name,
        "requested": requested,
        "is_fallback": name != requested,
        "is_published": is_published,
        "counts": {"train": train, "test": test},
        **properties,
        "files": {file: sha256(target / file) for file in catalog.NAMES},
    }
    write_json(target / "dataset.json", info)
    return info


def _collect(data: "DataParams", target: Path, console: Console) -> tuple[str, Properties]:
    """Write the files of a dataset; return its name and its properties."""
    folders = [_place(folder, data.dataset) for folder in data.folders]
    if data.dataset == "local":
        source = copy_local(folders, target)
        console.print(f"local: the four files from {source}")
        return data.name, read_properties(source if source.is_dir() else source.parent)
    if data.dataset != "digits":
        failures = _fetch(data, folders, target, console)
        if failures is None:
            return data.dataset, known_properties(data.dataset)
        if data.fallback == "none":
            reasons = "".join(f"\n  {reason}" for reason in _summary(failures))
            remedy = _remedy(data, ", or connect to the network,")
            raise PipelineError(
                f"{data.dataset} could not be downloaded:{reasons}\n"
                f"{remedy[0].upper()}{remedy[1:]} and run `dvc repro`."
            )
        _warn_about_fallback(data, failures, console)
    digits.write(target)
    console.print("digits: wrote the four files from the digits bundled with scikit-learn")
    return "digits", known_properties("digits")


def _place(folder: str, dataset: str) -> Path:
    """The complete path of one of ``data.folders``, which may be missing.

    Raises:
        PipelineError: there can be no such folder.
    """
    try:
        path = (main_checkout() / Path(folder.replace("{dataset}", dataset)).expanduser()).resolve()
        with suppress(FileNotFoundError, NotADirectoryError, PermissionError):
            path.stat()
        return path
    except (OSError, RuntimeError, ValueError) as error:  # a name too long, a loop of links, a NUL
        reason = getattr(error, "strerror", None) or error
        raise PipelineError(
            f"data.folders has {short_repr(folder)}, where no folder can be ({reason}); correct "
            "it in params.yaml"
        ) from None


def _fetch(
    data: "DataParams", folders: list[Path], target: Path, console: Console
) -> Failures | None:
    """Fetch the four files of a published dataset; return the failures if a file is missing."""
    dataset = catalog.CATALOGUE[data.dataset]
    failures: Failures = defaultdict(lambda: defaultdict(list))
    unverified = []

    def fetched(name: str, sources: Sequence[Source]) -> bool:
        for source in sources:
            try:
                is_verified = source.fetch(name, dataset, target)
            except SourceError as error:
                names = failures[source.label][str(error)]
                if not (names or error.expected):  # one warning per source and reason
                    console.print(f"warning: {name} from {source.label}: {error}")
                names.append(name)
            else:
                size = (target / name).stat().st_size
                console.print(f"{name}: {size:,} bytes from {source.label}")
                if not is_verified:
                    unverified.append(name)
                return True
        return False

    local = [source for path in folders for source in sources_in(path, data.dataset)]
    missing = [name for name in dataset.files if not fetched(name, local)]
    if missing:  # not earlier: the constructor of a mirror connects to its server
        mirrors = [Mirror(url, console) for url in _mirror_urls(data)]
        missing = [name for name in missing if not fetched(name, mirrors)]
    if unverified and not missing:
        _warn_about_unverified(data.dataset, unverified, console)
    return failures if missing else None


def _mirror_urls(data: "DataParams") -> Sequence[str]:
    return catalog.CATALOGUE[data.dataset].mirrors if data.mirrors == "public" else data.mirrors


def _remedy(data: "DataParams", or_connect: str) -> str:
    """How the user gets the files of a published dataset, as the beginning of a sentence.

    Args:
        or_connect: is added if there are mirrors.
    """
    dataset = catalog.CATALOGUE[data.dataset]
    names = ", ".join(file.name for file in dataset.files.values())
    what = f"put the four files ({names}; plain or .gz)"
    if dataset.archive:
        archive = dataset.archive.split("/")[0]
        what = f"get {archive} from {dataset.page} and put it, or {what.removeprefix('put ')},"
    return f"{what} into data/incoming{or_connect if _mirror_urls(data) else ''}"


def _warn_about_unverified(name: str, files: list[str], console: Console) -> None:
    console.print(
        f"warning: {name}: {', '.join(files)} could not be verified, because only the checksums of "
        "the published .gz files are known; names, number and size of the images, and labels were "
        "checked"
    )


def _warn_about_fallback(data: "DataParams", failures: Failures, console: Console) -> None:
    remedy = _remedy(data, " and run `dvc repro`; or connect to the network")
    lines = [
        f"This is NOT {data.dataset}, which could not be downloaded. All results are for the "
        "fallback dataset: 1,797 digits bundled with scikit-learn.",
        "",
        *(f"• {reason}" for reason in _summary(failures)),
        "",
        f"To use {data.dataset}: {remedy} and run `dvc repro --force download`, then `dvc repro`. "
        "To stop instead: set data.fallback to none in params.yaml.",
    ]
    title = f"FALLBACK DATASET, NOT {data.dataset.upper()}"
    console.print(Panel("\n".join(lines), title=title, border_style="bold red"), soft_wrap=False)


def _summary(failures: Failures) -> list[str]:
    """One clause per source; it names the files if the reason does not apply to all four."""
    clauses = []
    for source, reasons in failures.items():
        parts = [
            reason if len(names) == len(catalog.NAMES) else f"{reason} ({', '.join(names)})"
            for reason, names in reasons.items()
        ]
        clauses.append(f"{source}: {', '.join(parts)}")
    return clauses or ["params.yaml names neither a folder nor a mirror"]
