"""When, where and from which code a training ran: a note for each, in ``logs/trainings/``.

``models/`` has nothing of this, because the same training must give the same files at any time. A
note is written when a training begins, so that a resumed training continues its run in MLflow.
"""

import csv
import getpass
import json
import os
import time
from contextlib import suppress
from functools import cache
from itertools import accumulate
from pathlib import Path
from typing import TypedDict, cast

from src.common.errors import PipelineError
from src.common.files import atomic_file, json_sha256, write_json
from src.common.git import git
from src.common.messages import warn
from src.common.paths import LOGS, PARAMS, RECIPES, TIMING, main_checkout
from src.config.yaml_files import changes_of
from src.models.artifacts import load_history, load_record, trained_folders
from src.models.record import Environment, Record, RunConfig

NOTES = LOGS / "trainings"  # in the main checkout
CODE = ("src", "stages", "dvc.yaml", "requirements.lock")  # the files in git that results depend on
COLUMNS = ("recipe", "epoch", "seconds", "val_accuracy", "device", "processor", "weights_sha256")


class Origin(TypedDict):
    """The commit, the changes since the commit, and the DVC experiment; JSON."""

    revision: str  # the commit; empty without git
    # In params.yaml and recipes.yaml since the commit, as ``dvc exp run -S`` takes them.
    changes: list[str]
    edited: bool  # whether code was changed since the commit
    experiment: str | None  # DVC's name; None outside of an experiment
    user: str  # account name; empty if there is none


class Note(TypedDict):
    """What the output files of a training do not contain."""

    start: float  # this and the next: seconds since 1970
    end: float  # as start while the training runs
    seconds: list[float]  # of training and validation, for each row of the history
    environment: Environment | None  # None: not known, because the training ran elsewhere
    origin: Origin


def origin() -> Origin:
    """The origin of the results of this process."""
    revision = git("rev-parse", "--verify", "HEAD").strip()
    if not revision and Path(".git").exists():
        _warn_without_commit()
    user = ""
    with suppress(OSError, KeyError):  # no account name
        user = getpass.getuser()
    return {
        "revision": revision,
        "changes": [*changes_of(PARAMS), *changes_of(RECIPES, f"{RECIPES}:")] if revision else [],
        "edited": bool(revision and git("status", "--porcelain", "--", *CODE).strip()),
        "experiment": os.environ.get("DVC_EXP_NAME") or None,
        "user": user,
    }


@cache  # once
def _warn_without_commit() -> None:
    warn(
        "git does not tell the commit of this checkout, so MLflow shows neither commit nor changes "
        "of the trainings; `git log` gives the reason"
    )


def new_note(environment: Environment | None) -> Note:
    """The note of a training that begins now."""
    now = time.time()
    return Note(start=now, end=now, seconds=[], environment=environment, origin=origin())


def open_note(config: RunConfig, environment: Environment) -> Note | None:
    """The note of a training whose process was killed before its end; None if there is none."""
    return _load(_path_while_open(config, environment))


def save_open(config: RunConfig, note: Note) -> None:
    """Write the note of a training that begins."""
    with suppress(OSError):  # ``close_note`` warns
        write_json(_path_while_open(config, note["environment"]), note)


def close_note(note: Note, record: Record, seconds: list[float]) -> None:
    """Complete the note of a training that has written its output files."""
    note["seconds"], note["end"] = seconds, max(time.time(), note["start"])  # clocks are set back
    try:
        # A new file: several processes may train to the same weights at once.
        write_json(_folder() / f"{_prefix(record)}{time.time_ns()}.json", note)
        _path_while_open(record, note["environment"]).unlink(missing_ok=True)
    except OSError as error:
        warn(
            f"{NOTES} cannot be written ({error.strerror}), so the durations of this training "
            "are not recorded; free space or allow access; no other result is affected"
        )


def load_notes(record: Record) -> list[Note]:
    """The complete trainings to these weights on this machine, the oldest first."""
    paths = [path for path in _folder().glob("*.json") if path.name.startswith(_prefix(record))]
    return [note for path in sorted(paths) if (note := _load(path))]


def write_timing() -> None:
    """Write ``metrics/timing.csv``: a row per validation of each recipe that was trained here.

    ``seconds`` are those since the start. The file is not an output of DVC, because it differs in
    each run. No result depends on it: a model that cannot be read is left out, and a failure to
    write is ignored.
    """
    rows = []
    for folder in trained_folders():
        with suppress(PipelineError):
            record = load_record(folder)
            for note in load_notes(record)[-1:]:
                environment = dict(note["environment"] or {}) | record
                seconds = accumulate(note["seconds"])
                for row, second in zip(load_history(folder), seconds, strict=False):
                    values = environment | row | {"recipe": folder.name, "seconds": f"{second:.6g}"}
                    rows.append({name: values[name] for name in COLUMNS})
    with suppress(OSError), atomic_file(TIMING) as partial, partial.open("w", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows(rows)


def _load(path: Path) -> Note | None:
    """The content; None if it is damaged, or has the keys of an earlier version of this project."""
    with suppress(OSError, ValueError, AttributeError):
        note = json.loads(path.read_text("utf-8"))
        if note.keys() == Note.__required_keys__:
            return cast(Note, note)
    return None


def _folder() -> Path:
    return main_checkout() / NOTES


def _prefix(record: Record) -> str:
    return f"{record['name']}-{record['weights_sha256']}-"


def _path_while_open(config: RunConfig, environment: Environment | None) -> Path:
    key = json_sha256([config["recipe_sha256"], config["dataset"]["digest"], environment])
    return _folder() / f"{config['name']}-running-{key[:16]}.json"
