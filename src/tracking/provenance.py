"""When and from which code each training ran, for a run in MLflow that is logged later.

The train stage writes one small file per training to ``logs/trainings/`` in the main checkout. It
is not part of ``models/``, because the same training must give the same files at any time.
"""

import json
import time
from pathlib import Path
from typing import TypedDict

from src.common.files import write_json
from src.common.paths import LOGS, main_checkout
from src.models.record import Record
from src.tracking.origin import Origin


class Provenance(TypedDict):
    """What the files of a training do not contain."""

    start: float  # this and the next: seconds since 1970
    end: float
    origin: Origin
    run_id: str | None  # of the MLflow run that may be incomplete


def save(record: Record, provenance: Provenance) -> None:
    """Write a new file: several processes may train to the same weights at once."""
    write_json(_folder() / f"{_prefix(record)}{time.time_ns()}.json", provenance)


def load(record: Record) -> list[Provenance]:
    """All trainings to these weights on this machine, the oldest first."""
    paths = [path for path in _folder().glob("*.json") if path.name.startswith(_prefix(record))]
    return [json.loads(path.read_text("utf-8")) for path in sorted(paths)]


def _folder() -> Path:
    return main_checkout() / LOGS / "trainings"


def _prefix(record: Record) -> str:
    return f"{record['name']}-{record['weights_sha256']}-"
