"""Log to MLflow what it lacks of the results in this checkout: ``make sync``.

``compare`` and ``make ui`` do the same. All is read from files, and nothing is logged twice. A
queued or ``--temp`` experiment runs in a copy of the checkout that DVC deletes: if the store failed
then, its results can be logged after ``dvc exp apply``.
"""

import sys
from functools import partial
from pathlib import Path
from threading import Thread
from typing import Any

from src.common.errors import PipelineError, run
from src.common.files import read_json
from src.common.paths import SUMMARY, TEST
from src.config.params import load_params
from src.models.artifacts import load_record, trained_folders
from src.tracking import runs
from src.tracking.notes import write_timing
from src.tracking.registry import register
from src.tracking.store import connect, lock, store_uri, wait, warn_failed

MOST_SECONDS = 60  # that the stage ``compare`` waits
MOST_FAILURES = 2  # after which the store is given up: each may take its full timeout


def sync() -> bool:
    """Log trainings, test results and the best model; say what was missing, or warn once.

    Returns whether MLflow now has everything.
    """
    write_timing()
    folders = {folder.name: folder for folder in trained_folders()}
    tests = read_json(TEST, "compare") if TEST.exists() else {}
    actions = {
        f"results of {name}": partial(_sync_recipe, folder=folder, test=tests.get(name))
        for name, folder in folders.items()
    }
    best = read_json(SUMMARY, "compare")["best"] if SUMMARY.exists() else None
    if best in folders and best in tests:
        actions["the best model"] = partial(_register, folder=folders[best])
    logged, failed, reason, failures = 0, [], None, 0
    for item, action in actions.items():
        if failures == MOST_FAILURES:
            failed.append(item)
            continue
        try:
            client = connect(store_uri())
            with lock(store_uri()):
                logged += action(client)
        except Exception as error:  # MLflow and its stores raise many types
            failed.append(item)
            reason = reason or error
            failures += not isinstance(error, PipelineError)  # that is about one file
    if reason:
        warn_failed(", ".join(failed), reason)
    elif logged:
        print(f"MLflow: logged what was missing: {logged} of {len(folders)} recipes")
    return not failed


def sync_within_limit() -> None:
    """Call ``sync`` at the end of a stage, and wait for it for a limited time."""
    thread = Thread(target=sync, daemon=True)
    thread.start()
    wait(thread, MOST_SECONDS)


def _sync_recipe(client: Any, folder: Path, test: dict[str, Any] | None) -> bool:
    """Log what MLflow lacks of a recipe; return whether anything was missing."""
    record = load_record(folder)
    run, note = runs.run_of_training(client, record)
    if is_missing := not runs.is_complete(client, run):
        runs.complete_run(client, folder, note)
        run, _ = runs.run_of_training(client, record)
    if test is None:
        return is_missing
    if test.get("weights_sha256") != record["weights_sha256"]:
        print(
            f"MLflow: skipped the test results of {folder.name}, because {TEST} is older than "
            "the model; run `dvc repro`"
        )
        return is_missing
    return runs.log_test_results(client, run, record, test) or is_missing


def _register(client: Any, folder: Path) -> bool:
    record = load_record(folder)
    run, _ = runs.run_of_training(client, record)
    if run and runs.RESULTS in run.data.tags:  # it has the test results of these weights
        skill = load_params().registry.minimum_skill
        print(f"MLflow: {register(client, record, run, skill)}")
    return False


def main() -> None:
    if not sync():
        sys.exit(1)
    print("MLflow: has all results of this checkout")


if __name__ == "__main__":
    run(main)
