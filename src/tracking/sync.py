"""Log to MLflow what it lacks of the results in this checkout: ``make sync``.

``compare`` and ``make ui`` do the same. All is read from files, and nothing is logged twice. A
queued or ``--temp`` experiment runs in a copy of the checkout that DVC deletes: if the store failed
then, its results can be logged after ``dvc exp apply``.
"""

import sys
from pathlib import Path
from threading import Thread
from typing import Any

from src.common.errors import PipelineError, run
from src.common.files import read_json
from src.common.messages import root_cause
from src.common.paths import SUMMARY, TEST
from src.config.params import load_params
from src.models.artifacts import load_record, trained_folders
from src.tracking.notes import write_timing
from src.tracking.registry import register
from src.tracking.runs import log_test_results, sync_run
from src.tracking.store import connect, lock, store_uri, wait, warn_failed

MOST_SECONDS = 60  # that the stage ``compare`` waits
MOST_FAILURES = 2  # after which the store is given up: each may take its full timeout


def sync() -> bool:
    """Log trainings, test results and the best model; write ``metrics/timing.csv``.

    Returns whether MLflow now has everything.
    """
    write_timing()
    tests = read_json(TEST, "compare") if TEST.exists() else {}
    best = read_json(SUMMARY, "compare")["best"] if SUMMARY.exists() else None
    errors: dict[str, Exception] = {}
    for folder in trained_folders():
        try:
            client = connect(store_uri())
            with lock(store_uri()):
                _sync_recipe(client, folder, tests.get(folder.name), folder.name == best)
        except Exception as error:  # MLflow and its stores raise many types
            errors[folder.name] = error
            of_store = [each for each in errors.values() if not isinstance(each, PipelineError)]
            if len(of_store) == MOST_FAILURES:
                errors |= {f.name: error for f in trained_folders() if f.name > folder.name}
                break
    if errors:
        warn_failed(f"results of {', '.join(errors)}", next(iter(errors.values())))
    return not errors


def sync_within_limit() -> None:
    """Call ``sync`` at the end of a stage, and wait for it for a limited time."""
    thread = Thread(target=sync, daemon=True)
    thread.start()
    wait(thread, MOST_SECONDS)


def _sync_recipe(client: Any, folder: Path, test: dict[str, Any] | None, is_best: bool) -> None:
    """Log what MLflow lacks of a recipe."""
    record = load_record(folder)
    run, model = sync_run(client, folder, record)
    if test is None or test.get("weights_sha256") != record["weights_sha256"]:
        return  # metrics/test.json is older than the model
    log_test_results(client, run, model, record, test)
    if is_best:
        skill = load_params().registry.minimum_skill
        print(f"MLflow: {register(client, run, model, record, test, skill)}")


def log_file(name: str, path: Path) -> str:
    """Add a file or folder to the run of a trained recipe, as an artifact; return the run's id.

    A PipelineError is raised if the store fails.
    """
    folder = next(each for each in trained_folders() if each.name == name)
    try:
        client = connect(store_uri())
        with lock(store_uri()):
            run_id = str(sync_run(client, folder, load_record(folder))[0].info.run_id)
            if path.is_dir():
                client.log_artifacts(run_id, str(path), f"exported/{path.name}")
            else:
                client.log_artifact(run_id, str(path), "exported")
            return run_id
    except Exception as error:  # MLflow and its stores raise many types
        raise PipelineError(f"MLflow at {store_uri()} failed ({root_cause(error)})") from None


def main() -> None:
    if not sync():
        sys.exit(1)
    print("MLflow: has all results of this checkout")


if __name__ == "__main__":
    run(main)
