"""What no store has taken yet, in the main checkout, until one does."""

import json
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from src.common.files import atomic_folder, write_json
from src.common.paths import main_checkout

UNSENT = Path(".unsent")

MESSAGE = "message.json"


def keep(what: str, details: dict[str, Any], folder: Path | None, files: dict[str, str]) -> None:
    """Keep a message that could not be sent.

    Args:
        what: the message.
        details: its arguments, JSON.
        folder: of a training; the small files in it are kept with the message.
        files: other files, the ``pictures`` of the details, by name.
    """
    place = main_checkout() / UNSENT / f"{time.time_ns()}-{what}"
    place.parent.mkdir(parents=True, exist_ok=True)
    with atomic_folder(place) as entry:
        if folder:
            (entry / folder.name).mkdir()
            for name in ("model.keras", "history.csv", "training.json"):
                shutil.copyfile(folder / name, entry / folder.name / name)
        for name, file in files.items():
            shutil.copyfile(file, entry / name)
        write_json(entry / MESSAGE, {"what": what, "details": details})


def any_kept() -> bool:
    """Whether anything is kept."""
    return any((main_checkout() / UNSENT).glob("[0-9]*"))


@contextmanager
def unsent() -> Iterator[list[Path]]:
    """All kept messages, the oldest first; empty while another process sends them."""
    from filelock import FileLock, Timeout

    place = main_checkout() / UNSENT
    if not place.is_dir():
        yield []
        return
    try:
        with FileLock(place / "lock", timeout=0):
            yield sorted(place.glob("[0-9]*"))
    except Timeout:
        yield []


def read(entry: Path) -> tuple[str, dict[str, Any]]:
    """What ``keep`` was given, with the paths of the kept files."""
    message = json.loads((entry / MESSAGE).read_text("utf-8"))
    details = message["details"]
    if "folder" in details:
        details["folder"] = str(entry / Path(details["folder"]).name)
    if "pictures" in details:
        details["pictures"] = {name: str(entry / name) for name in details["pictures"]}
    return message["what"], details
