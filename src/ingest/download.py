"""Fills a folder with the four IDX files of a data set, from the first source that has them."""

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.panel import Panel

from src.common.errors import PipelineError
from src.common.files import sha256, write_json
from src.common.paths import main_checkout
from src.ingest import catalog, digits, idx
from src.ingest.folders import Folder, SourceError, copy_local
from src.ingest.mirrors import Mirror

if TYPE_CHECKING:
    from src.config.params import DataParams

# Why sources did not deliver: source to reason to the names of the files.
Failures = defaultdict[str, defaultdict[str, list[str]]]


def download(data: "DataParams", target: Path) -> dict:
    """Fill the existing, empty folder ``target`` with the four IDX files and ``dataset.json``.

    Sources, in this order: ``data.folders``, the mirrors, the fallback dataset. A file with a known
    checksum is verified before it is used.

    Returns:
        The content of ``dataset.json``: ``name`` of the data, the name ``requested``, whether it is
        a ``is_fallback`` for that, ``counts`` of ``train`` and ``test`` images, and the SHA-256 of
        the ``files``. It depends on the data alone, not on where that came from.

    Raises:
        PipelineError: no source delivers, and ``data.fallback`` is ``none``; or a file of the
            user's own set is missing or is not IDX.
    """
    console = Console(stderr=True, soft_wrap=True, highlight=False, markup=False, emoji=False)
    folders = [
        (main_checkout() / Path(folder.replace("{dataset}", data.dataset)).expanduser()).resolve()
        for folder in data.folders
    ]
    name = data.dataset
    if name == "local":
        folder, files = copy_local(folders, target)
        console.print(f"local: the four files from {folder}")
    elif name == "digits":
        files = _write_stand_in(target, console)
    else:
        failures = _fetch(data, folders, target, console)
        if failures is None:
            files = catalog.CATALOGUE[name].sha256
        elif data.fallback == "digits":
            _warn_of_stand_in(data, failures, console)
            name = "digits"
            files = _write_stand_in(target, console)
        else:
            raise PipelineError(
                f"{data.dataset} could not be had ({'; '.join(_told(failures))}); put the four "
                f"files ({', '.join(catalog.GZIP_NAMES)}) into data/incoming, or connect to the "
                "network, and run `dvc repro`"
            )
    train_images, _, test_images, _ = files  # in the order of catalog.NAMES
    info = {
        "name": name,
        "requested": data.dataset,
        "is_fallback": name != data.dataset,
        "counts": {
            "train": idx.read_header(target / train_images)[0],
            "test": idx.read_header(target / test_images)[0],
        },
        "files": files,
    }
    write_json(target / "dataset.json", info)
    return info


def _fetch(
    data: "DataParams", folders: list[Path], target: Path, console: Console
) -> Failures | None:
    """Bring the four files of a data set in the catalogue; what failed if one is still missing."""
    dataset = catalog.CATALOGUE[data.dataset]
    failures: Failures = defaultdict(lambda: defaultdict(list))

    def still_missing(files: dict[str, str], sources: Sequence[Folder | Mirror]) -> dict[str, str]:
        return {
            name: checksum
            for name, checksum in files.items()
            if not _deliver(name, checksum, sources, target, failures, console)
        }

    missing = still_missing(dataset.sha256, [Folder(path) for path in folders])
    if missing:  # only now: a mirror is probed from its creation on
        urls = dataset.mirrors if data.mirrors == "public" else data.mirrors
        missing = still_missing(missing, [Mirror(url, console) for url in urls])
    return failures if missing else None


def _deliver(
    name: str,
    checksum: str,
    sources: Sequence[Folder | Mirror],
    target: Path,
    failures: Failures,
    console: Console,
) -> bool:
    for source in sources:
        try:
            source.fetch(name, checksum, target)
        except SourceError as error:
            failures[source.label][str(error)].append(name)
            if not error.expected:
                console.print(f"warning: {name} from {source.label}: {error}")
        else:
            size = (target / name).stat().st_size
            console.print(f"{name}: {size:,} bytes from {source.label}")
            return True
    return False


def _write_stand_in(target: Path, console: Console) -> dict[str, str]:
    digits.write(target)
    console.print("digits: the four files made from the digits bundled with scikit-learn")
    return {name: sha256(target / name) for name in catalog.GZIP_NAMES}


def _warn_of_stand_in(data: "DataParams", failures: Failures, console: Console) -> None:
    lines = [
        f"This is NOT {data.dataset}, which could not be had. All that follows is computed on the "
        "fallback dataset, 1,797 digits bundled with scikit-learn.",
        "",
        *(f"• {reason}" for reason in _told(failures)),
        "",
        f"To get {data.dataset}: put {', '.join(catalog.GZIP_NAMES)} into data/incoming and run "
        "`dvc repro`; or connect to the network and run `dvc repro --force download`, then "
        "`dvc repro`. To stop here instead of going on: data.fallback: none in params.yaml.",
    ]
    title = f"FALLBACK DATASET, NOT {data.dataset.upper()}"
    console.print(Panel("\n".join(lines), title=title, border_style="bold red"), soft_wrap=False)


def _told(failures: Failures) -> list[str]:
    """One clause a source; the files are named where the reason is not that of all four."""
    clauses = []
    for source, reasons in failures.items():
        parts = [
            reason if len(names) == len(catalog.NAMES) else f"{reason} ({', '.join(names)})"
            for reason, names in reasons.items()
        ]
        clauses.append(f"{source}: {', '.join(parts)}")
    return clauses or ["params.yaml names neither a folder nor a mirror"]
