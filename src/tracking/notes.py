"""When, where and from which code a training ran: a note for each, in ``logs/trainings/``.

``models/`` has nothing of this, because the same training must give the same files at any time. A
note is written when a training begins, so that a resumed training continues its run in MLflow, and
again at its end. ``make record`` calls ``main``.
"""

import json
import os
import re
import time
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from functools import cache
from itertools import accumulate
from pathlib import Path
from typing import Any, TypedDict

from src.common.errors import PipelineError, run
from src.common.files import file_name, json_sha256, read_json, write_json
from src.common.git import git
from src.common.messages import warn
from src.common.paths import LOGS, PARAMS, RECIPES, RECORDED_ON, TEST, TIMING, main_checkout
from src.config.yaml_files import changes_of
from src.models.artifacts import load_history, load_record, trained_folders
from src.models.record import Record, RunConfig, stage_name

NOTES = LOGS / "trainings"  # in the main checkout
CODE_PATHS = ("src", "stages", "dvc.yaml", "requirements.lock")  # what results depend on
# Of metrics/timing.csv.
COLUMNS = ["recipe", "epoch", "seconds", "val_accuracy", "device", "processor", "weights_sha256"]
# The values in metrics/recorded_on.json that all trainings share, and those of a training.
SHARED = ("dataset", "dataset_digest", "processor", "threads", "versions", "variables")
OF_RECIPE = ("device", "compile", "precision", "weights_sha256")


class Note(TypedDict):
    """What the output files of a training do not contain; JSON."""

    start: int  # milliseconds since 1970
    seconds: list[float]  # of training and validation, for each row of the history
    weights_sha256: str | None  # None while the training runs
    environment: Mapping[str, Any]  # see record.Environment
    revision: str  # the commit; empty without git
    # In params.yaml and recipes.yaml since the commit, as ``dvc exp run -S`` takes them.
    changes: list[str]
    edited: bool  # whether code was changed since the commit
    experiment: str  # DVC's name; empty outside of an experiment
    user: str  # account name


@cache  # for one warning
def commit() -> str:
    """The commit of this checkout; empty without git, with a warning if git fails."""
    revision = git("rev-parse", "--verify", "HEAD").strip()
    if not revision and Path(".git").exists():  # a folder of another user, for example
        warn("MLflow shows neither commit nor changes, because `git log` fails: see its message")
    return revision


def new_note(environment: Mapping[str, Any]) -> Note:
    """The note of a training that begins now."""
    return Note(
        start=int(1000 * time.time()),
        seconds=[],
        weights_sha256=None,
        environment=environment,
        revision=commit(),
        changes=[*changes_of(PARAMS), *changes_of(RECIPES, f"{RECIPES}:")],
        edited=bool(git("status", "--porcelain", "--", *CODE_PATHS).strip()),
        experiment=os.environ.get("DVC_EXP_NAME", ""),
        user=os.environ.get("USER", ""),
    )


def begin_note(config: RunConfig, environment: Mapping[str, Any], resumes: bool) -> Note:
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
    every, found = _path(config, "*"), []
    for path in every.parent.glob(every.name):
        # Damaged notes, and those of earlier versions of this project, are left out.
        with suppress(OSError, ValueError, AttributeError):
            note = json.loads(path.read_text("utf-8"))
            if note.keys() == Note.__required_keys__ and note.items() >= values.items():
                found.append(note)
    return max(found, key=lambda note: note["start"], default=None)


def _path(config: RunConfig, start: int | str) -> Path:
    data = config["dataset"]["digest"], config["dataset"]["classes"]
    key = json_sha256([config["recipe_sha256"], *data, config["code"]])
    return main_checkout() / NOTES / f"{config['name']}-{key[:16]}-{start}.json"


def own_changes(config: RunConfig, note: Note) -> list[str]:
    """The changes that concern a recipe, under its own names of settings: ``epochs=1``."""
    # `softmax.epochs=1` of recipes.yaml, `train.epochs=1`, or `data.…`, which keeps its name.
    recipe = rf"({RECIPES}:)?([~+]?)({re.escape(config['name'])}\.|train\.|(?=data\.))"
    return [re.sub(recipe, r"\2", each) for each in note["changes"] if re.match(recipe, each)]


def curves_folder(config: RunConfig, note: Note) -> Path:
    """The folder for TensorBoard's files of a training: what is special about it, and its start."""
    name = note["experiment"] or " ".join(own_changes(config, note)) or "workspace"
    start = f"{datetime.fromtimestamp(note['start'] / 1000):%Y-%m-%d %H.%M.%S}"
    parts = file_name(config["dataset"]["name"]), config["name"], file_name(name)
    return (main_checkout() / LOGS).joinpath(*parts, start)


def write_timing() -> None:
    """Write ``metrics/timing.csv``: a row per validation of each recipe that was trained here.

    ``seconds`` are those since the start. The file is not an output of DVC, because it differs in
    each run. No result depends on it: a model that cannot be read is left out, and a failure to
    write is ignored.
    """
    import pandas as pd  # here, because the stage train waits for the imports of this module

    from src.evaluation.tables import write_csv

    rows = []
    for folder in trained_folders():
        with suppress(PipelineError):
            record = load_record(folder)
            if note := newest_note(record, weights_sha256=record["weights_sha256"]):
                values = {**note["environment"], **record, "recipe": folder.name}
                seconds = accumulate(note["seconds"])
                for row, second in zip(load_history(folder), seconds, strict=False):
                    rows.append(values | row | {"seconds": second})
    with suppress(OSError):
        write_csv(TIMING, pd.DataFrame(rows, columns=COLUMNS))


def recorded_on() -> dict[str, Any]:
    """Where the results in ``metrics/`` come from: dataset, machine and versions of the trainings.

    Raises:
        PipelineError: a model was not trained here, or not on the same machine as the others.
    """
    tests, found = read_json(TEST, "compare"), []
    for folder in trained_folders():
        record, name = load_record(folder), folder.name
        weights, data = record["weights_sha256"], record["dataset"]
        note = newest_note(record, weights_sha256=weights)
        if note is None or tests.get(name, {}).get("weights_sha256") != weights:
            raise PipelineError(
                f"the result of {name} does not come from a training in this checkout; run "
                f"`dvc repro --force {stage_name(record)}` and `dvc repro`"
            )
        of_data = {"name": name, "dataset": data["name"], "dataset_digest": data["digest"]}
        found.append({**note["environment"], **of_data, "weights_sha256": weights})
    shared = [{key: each[key] for key in SHARED} for each in found]
    if not shared or any(each != shared[0] for each in shared):
        raise PipelineError(
            "no recipe is trained, or not all on the same machine with the same versions; run "
            "`dvc repro --force`"
        )
    recipes = {each["name"]: {key: each[key] for key in OF_RECIPE} for each in found}
    return shared[0] | {"recipes": recipes}


def main() -> None:
    """Write ``metrics/recorded_on.json``: in git, but not an output of DVC."""
    content = recorded_on()
    write_json(RECORDED_ON, content)
    print(f"{RECORDED_ON}: {content['processor']}")


if __name__ == "__main__":
    run(main)
