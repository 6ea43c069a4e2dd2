"""When, where and from which code a training ran: a note for each, in ``logs/trainings/``.

``models/`` has nothing of this, because the same training must give the same files at any time. A
note is written when a training begins, so that a resumed training continues its run in MLflow, and
again at its end. ``make record`` calls ``main``.
"""

import csv
import json
import os
import time
from contextlib import suppress
from functools import cache
from itertools import accumulate
from pathlib import Path
from typing import Any, TypedDict, cast

from src.common.errors import PipelineError, run
from src.common.files import atomic_file, json_sha256, read_json, write_json
from src.common.git import git
from src.common.messages import warn
from src.common.paths import LOGS, PARAMS, RECIPES, RECORDED_ON, TEST, TIMING, main_checkout
from src.config.yaml_files import changes_of
from src.models.artifacts import load_history, load_record, trained_folders
from src.models.record import Environment, Record, RunConfig, stage_name

NOTES = LOGS / "trainings"  # in the main checkout
CODE_PATHS = ("src", "stages", "dvc.yaml", "requirements.lock")  # what results depend on
TIMING_COLUMNS = (
    *("recipe", "epoch", "seconds", "val_accuracy", "device", "processor", "weights_sha256"),
)


class Note(TypedDict):
    """What the output files of a training do not contain; JSON."""

    start: int  # milliseconds since 1970
    seconds: list[float]  # of training and validation, for each row of the history
    weights_sha256: str | None  # None while the training runs
    environment: Environment | None  # None: not known, because the training ran elsewhere
    revision: str  # the commit; empty without git
    # In params.yaml and recipes.yaml since the commit, as ``dvc exp run -S`` takes them.
    changes: list[str]
    edited: bool  # whether code was changed since the commit
    experiment: str | None  # DVC's name; None outside of an experiment
    user: str  # account name


@cache  # for one warning
def commit() -> str:
    """The commit of this checkout; empty without git, with a warning if git fails."""
    revision = git("rev-parse", "--verify", "HEAD").strip()
    if not revision and Path(".git").exists():  # a folder of another user, for example
        warn("MLflow shows neither commit nor changes, because `git log` fails: see its message")
    return revision


def new_note(environment: Environment | None) -> Note:
    """The note of a training that begins now."""
    return Note(
        start=int(1000 * time.time()),
        seconds=[],
        weights_sha256=None,
        environment=environment,
        revision=commit(),
        changes=[*changes_of(PARAMS), *changes_of(RECIPES, f"{RECIPES}:")],
        edited=bool(git("status", "--porcelain", "--", *CODE_PATHS).strip()),
        experiment=os.environ.get("DVC_EXP_NAME") or None,
        user=os.environ.get("USER", ""),
    )


def begin_note(config: RunConfig, environment: Environment, resumes: bool) -> Note:
    """The note of a training that begins, or of the one that resumes from its checkpoint."""
    note = newest_note(config, environment=environment) if resumes else None
    if note is None:
        note = new_note(environment)
        _write(config, note)
    return note


def end_note(note: Note, record: Record, seconds: list[float]) -> None:
    """Complete the note of a training that has written its output files."""
    note["seconds"], note["weights_sha256"] = seconds, record["weights_sha256"]
    _write(record, note)


def _write(config: RunConfig, note: Note) -> None:
    with suppress(OSError):  # TensorBoard's callback warns about a folder that cannot be written
        write_json(_path(config, note["start"]), note)


def newest_note(config: RunConfig, **values: Any) -> Note | None:
    """The newest note of the trainings of a recipe on the same data that has these values."""
    every = _path(config, "*")
    for path in sorted(every.parent.glob(every.name), reverse=True):
        # Damaged notes, and those of earlier versions of this project, are left out.
        with suppress(OSError, ValueError, AttributeError):
            note = json.loads(path.read_text("utf-8"))
            if note.keys() == Note.__required_keys__ and note.items() >= values.items():
                return cast(Note, note)
    return None


def _path(config: RunConfig, start: int | str) -> Path:
    data = config["dataset"]["digest"], config["dataset"]["classes"]
    key = json_sha256([config["recipe_sha256"], *data, config["code"]])
    return main_checkout() / NOTES / f"{config['name']}-{key[:16]}-{start}.json"


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
            note = newest_note(record, weights_sha256=record["weights_sha256"])
            if note is None:
                continue
            values = {**(note["environment"] or {}), **record, "recipe": folder.name}
            for row, second in zip(load_history(folder), accumulate(note["seconds"]), strict=False):
                rows.append(values | row | {"seconds": f"{second:.6g}"})
    with suppress(OSError), atomic_file(TIMING) as partial, partial.open("w", newline="") as file:
        writer = csv.DictWriter(file, TIMING_COLUMNS, extrasaction="ignore")
        writer.writeheader()
        writer.writerows(rows)


def recorded_on() -> dict[str, Any]:
    """Where the results in ``metrics/`` come from: dataset, machine and versions of the trainings.

    Raises:
        PipelineError: a model was not trained here, or not on the same machine as the others.
    """
    recipes, machines, data, tests = {}, [], {}, read_json(TEST, "compare")
    if not (folders := trained_folders()):
        raise PipelineError("no model is trained yet; run `dvc repro`")
    for folder in folders:
        record, name = load_record(folder), folder.name
        weights, data = record["weights_sha256"], record["dataset"]  # the same data for all
        note = newest_note(record, weights_sha256=weights)
        if note is None or tests.get(name, {}).get("weights_sha256") != weights:
            raise PipelineError(
                f"the result of {name} does not come from a training in this checkout; run "
                f"`dvc repro --force {stage_name(record)}` and `dvc repro`"
            )
        here = dict(note["environment"] or {})
        recipes[name] = {key: here[key] for key in ("device", "compile", "precision")}
        recipes[name]["weights_sha256"] = weights
        machines.append(
            {key: here[key] for key in ("processor", "threads", "versions", "variables")}
        )
        if machines[0] != machines[-1]:
            raise PipelineError(
                f"{name} and other recipes were trained on different machines, or with different "
                "versions; run `dvc repro --force`"
            )
    dataset = {"dataset": data["name"], "dataset_digest": data["digest"]}
    return dataset | machines[0] | {"recipes": recipes}


def main() -> None:
    """Write ``metrics/recorded_on.json``: in git, but not an output of DVC."""
    content = recorded_on()
    write_json(RECORDED_ON, content)
    print(f"{RECORDED_ON}: {content['processor']}")


if __name__ == "__main__":
    run(main)
