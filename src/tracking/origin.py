"""The origin of a result: the commit, the changes since the commit, and the DVC experiment.

The train stage writes it to a small file per training in ``logs/trainings/`` in the main checkout,
for a run in MLflow that is logged later. This file is not part of ``models/``, because the same
training must give the same files at any time.
"""

import getpass
import json
import os
import time
from contextlib import suppress
from pathlib import Path
from typing import TypedDict, cast

from src.common.files import write_json
from src.common.git import changes_of, git
from src.common.messages import without_secrets
from src.common.paths import LOGS, PARAMS, PUBLISHED_VALUES, RECIPES, main_checkout
from src.models.record import Environment, Record

PATCH = "code.patch"  # the artifact with uncommitted changes
MAX_PATCH = 200_000  # characters; larger changes are not logged
NOTES = LOGS / "trainings"  # in the main checkout
CODE = ("src", "stages", "dvc.yaml", "requirements.lock")  # the files in git that results depend on


class Origin(TypedDict):
    """The origin of a result; JSON."""

    revision: str  # the commit; empty without git
    # In params.yaml and recipes.yaml since the commit, as ``dvc exp run -S`` takes them.
    changes: list[str]
    edited: bool  # whether code was changed since the commit
    patch: str  # for ``git apply``: all changes; empty if too long
    experiment: str | None  # DVC's name; this and the next two are None outside of DVC
    baseline: str | None  # the commit that the experiment is based on
    stage: str | None
    user: str  # account name; empty if there is none


class Provenance(TypedDict):
    """When, where and from which code a training ran: what its output files do not contain."""

    start: float  # this and the next: seconds since 1970
    end: float
    seconds: list[float]  # of training and validation, for each row of the history
    environment: Environment
    origin: Origin


def origin() -> Origin:
    """The origin of the results of this process."""
    revision = git("rev-parse", "--verify", "HEAD").strip()
    user = ""
    with suppress(OSError, KeyError):  # no account name
        user = getpass.getuser()
    return {
        "revision": revision,
        "changes": _changes() if revision else [],
        "edited": bool(revision and git("status", "--porcelain", "--", *CODE).strip()),
        "patch": _patch() if revision else "",
        "experiment": os.environ.get("DVC_EXP_NAME") or None,
        "baseline": os.environ.get("DVC_EXP_BASELINE_REV") or None,
        "stage": os.environ.get("DVC_STAGE") or None,
        "user": user,
    }


def save_provenance(record: Record, provenance: Provenance) -> None:
    """Write a new file: several processes may train to the same weights at once."""
    write_json(_folder() / f"{_prefix(record)}{time.time_ns()}.json", provenance)


def load_provenances(record: Record) -> list[Provenance]:
    """All trainings to these weights on this machine, the oldest first."""
    paths = [path for path in _folder().glob("*.json") if path.name.startswith(_prefix(record))]
    return [note for path in sorted(paths) if (note := _load_note(path))]


def _load_note(path: Path) -> Provenance | None:
    """The content; None if it is damaged, or has the keys of an earlier version of this project."""
    with suppress(OSError, ValueError):
        match note := json.loads(path.read_text("utf-8")):
            case {
                "start": float(),
                "end": float(),
                "seconds": list(),
                "environment": {"device": str(), "processor": str()},
                "origin": {"experiment": _, "changes": list()},
            }:
                return cast(Provenance, note)
    return None


def _folder() -> Path:
    return main_checkout() / NOTES


def _prefix(record: Record) -> str:
    return f"{record['name']}-{record['weights_sha256']}-"


def _changes() -> list[str]:
    return [*changes_of(PARAMS), *changes_of(RECIPES, f"{RECIPES}:")]


def _patch() -> str:
    """The changes since the commit in tracked and new files that results depend on.

    It is empty if it would be too long: incomplete, it would mislead.
    """
    files = (*CODE, *map(str, (PARAMS, RECIPES, PUBLISHED_VALUES)))
    new = new_files(*files)
    if sum(Path(path).lstat().st_size for path in new) > MAX_PATCH:
        return ""
    diff = "diff", "--no-ext-diff", "--no-color"
    parts = [git(*diff, "--relative", "HEAD", "--", *files)]
    parts += [git(*diff, "--no-index", "--", os.devnull, path) for path in new]
    patch = "".join(parts)
    return without_secrets(patch) if len(patch) <= MAX_PATCH else ""


def new_files(*places: str) -> list[str]:
    """The files in these places that git neither knows nor ignores."""
    listed = git("ls-files", "--others", "--exclude-standard", "-z", "--", *places)
    return listed.split("\0")[:-1]
