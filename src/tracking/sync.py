"""Log to MLflow what it lacks of the results in this checkout: ``make send``, ``make ui``.

``compare`` does this at its end. All of it is read from files, and nothing is
logged twice. A queued or ``--temp`` experiment runs in a copy of the checkout that DVC deletes: if
the store failed then, its results can be logged after ``dvc exp apply``.
"""

import sys
import time
import warnings
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

from src.common.errors import PipelineError, run
from src.common.files import read_json
from src.common.paths import SUMMARY, TEST
from src.models.artifacts import load_record, trained_folders
from src.tracking import existing_runs, runs
from src.tracking.attempts import Attempts
from src.tracking.origin import Provenance, load_provenances, origin
from src.tracking.registration import register
from src.tracking.results import log_comparison, log_test_results
from src.tracking.store import lock
from src.tracking.timing import write_timing


def sync(attempts: Attempts, comparison: bool = False) -> int:
    """Log what is missing: trainings, test results and, if wanted, the comparison.

    With the comparison, the best model is registered. Returns how many items were logged.
    """
    logged: list[str] = []

    def attempt(item: str, action: Callable[[Any], bool]) -> None:
        def locked(client: Any) -> None:
            with lock(client.tracking_uri):
                if action(client):
                    logged.append(item)

        attempts.run(item, locked)

    test: dict[str, dict[str, Any]] = {}
    with suppress(PipelineError):  # not evaluated yet
        test = read_json(TEST, "compare")
    write_timing()
    folders = trained_folders()
    for folder in folders:
        metrics = test.get(folder.name)
        attempt(f"results of {folder.name}", partial(_log_recipe, folder=folder, test=metrics))
    if comparison and folders and test and SUMMARY.exists():
        attempt("comparison", partial(_log_comparison, test=test, folders=folders))
    return len(logged)


def log_training(client: Any, folder: Path, note: Provenance | None = None) -> None:
    """Log a complete training from its files, completely or not at all.

    ``note`` is by default the newest one. Without a note of when it ran, the training is tagged as
    restored: from DVC's cache, or from a remote.
    """
    record = load_record(folder)
    notes = [*load_provenances(record), *([note] if note else [])]
    for left in existing_runs.incomplete_runs(client, record, notes):
        existing_runs.remove_run(client, left.info.run_id)
    if notes:
        note = notes[-1]
        start, end, seconds = note["start"], note["end"], note["seconds"]
        training = runs.TrainingRun(client, record, note["origin"], start, note["environment"])
    else:
        end, seconds = time.time(), []
        training = runs.TrainingRun(client, record, origin(), end, None)
    try:
        training.begin(system_metrics=False)
        if not notes:
            client.set_tag(training.id, "restored", "true")
        training.finish(folder, end, seconds)
    except BaseException:
        with suppress(Exception):
            existing_runs.remove_run(client, training.id)
        raise


def _log_recipe(client: Any, folder: Path, test: dict[str, Any] | None) -> bool:
    record = load_record(folder)
    found = existing_runs.find_by_weights(client, record)
    if not found:
        log_training(client, folder)
    if test is None:
        return not found
    if test.get("weights_sha256") != record["weights_sha256"]:
        print(
            f"MLflow: skipped the test results of {folder.name}, because {TEST} is older than "
            "the model; run `dvc repro`"
        )
        return not found
    training = found or existing_runs.find_by_weights(client, record)
    return log_test_results(client, training, record, test) or not found


def _log_comparison(client: Any, test: dict[str, dict[str, Any]], folders: list[Path]) -> bool:
    from src.config.params import load_params  # here, because trainings do not need it

    summary = read_json(SUMMARY, "compare")
    records = {folder.name: load_record(folder) for folder in folders}
    weights = {name: record["weights_sha256"] for name, record in records.items()}
    tested = {name: each.get("weights_sha256") for name, each in test.items()}
    best = summary["best"]
    accuracies = {name: each.get("accuracy") for name, each in test.items()}
    if summary["test"] != accuracies or weights != tested:
        print(
            f"MLflow: skipped the comparison, because {SUMMARY} is older than the models; run "
            "`dvc repro`"
        )
        return False
    is_missing = log_comparison(client, records, test)
    print(f"MLflow: {register(client, records[best], load_params().registry)}")
    return is_missing


def send() -> bool:
    """Log what is missing, say so, and return whether MLflow now has everything."""
    warnings.simplefilter("ignore")  # MLflow's warnings address developers
    attempts = Attempts()
    count = sync(attempts, comparison=True)
    if not attempts.report():
        return False
    items = {0: "nothing was missing", 1: "1 item was missing and is logged"}
    print(f"MLflow: {items.get(count, f'{count} items were missing and are logged')}")
    return True


def main() -> None:
    if not send():
        sys.exit(1)


if __name__ == "__main__":
    run(main)
