"""Write where the results in ``metrics/`` come from, ``metrics/recorded_on.json``: ``make record``.

The file is in git, but is not an output of DVC: the same results can come from another machine.
``make verify`` shows it next to the machine that repeats the results.
"""

from typing import Any

from src.common.errors import PipelineError, run
from src.common.files import read_json, write_json
from src.common.paths import RECORDED_ON, TEST
from src.models.artifacts import load_record, trained_folders
from src.models.record import stage_name
from src.tracking.notes import load_notes


def recorded_on() -> dict[str, Any]:
    """The dataset, machine and versions of the results, from the notes of the trainings.

    Raises:
        PipelineError: a model was not trained here, or not on the same machine as the others.
    """
    machine: dict[str, Any] = {}
    recipes, data, tests = {}, {}, read_json(TEST, "compare")
    for folder in trained_folders():
        name, record = folder.name, load_record(folder)
        notes, weights = load_notes(record), record["weights_sha256"]
        if not notes or tests.get(name, {}).get("weights_sha256") != weights:
            raise PipelineError(
                f"the result of {name} does not come from a training in this checkout; run "
                f"`dvc repro --force {stage_name(record)}` and `dvc repro`"
            )
        found, data = dict(notes[-1]["environment"] or {}), record["dataset"]
        recipes[name] = {key: found[key] for key in ("device", "compile", "precision")}
        recipes[name]["weights_sha256"] = weights
        this = {key: found[key] for key in ("processor", "threads", "versions")}
        if machine not in ({}, this):
            raise PipelineError(
                f"{name} and other recipes were trained on different machines, or with different "
                "versions; run `dvc repro --force`"
            )
        machine = this
    dataset = {"dataset": data["name"], "dataset_digest": data["digest"]}
    return dataset | machine | {"recipes": recipes}


def main() -> None:
    content = recorded_on()
    write_json(RECORDED_ON, content)
    print(f"{RECORDED_ON}: {content['processor']}")


if __name__ == "__main__":
    run(main)
