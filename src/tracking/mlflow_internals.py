"""The undocumented parts of MLflow that this project relies on; each has a test.

An upgrade of MLflow that changes one of them fails that test.
"""

import json
import sqlite3
from contextlib import closing
from pathlib import Path

# The columns of the page of runs, best first. The page reads them from this tag of an experiment
# at the address …/runs?viewStateShareKey=recipes; by default it does not show metrics.
VIEW_TAG = "mlflow.sharedViewState.recipes"
COLUMNS = (
    "metrics.`test_accuracy`",
    "metrics.`val_accuracy`",
    "params.`parameters`",
    "tags.`dvc_exp`",
    "attributes.`Models`",
)
VIEW = json.dumps({"orderByKey": COLUMNS[0], "orderByAsc": False, "selectedColumns": COLUMNS})


def limit_database_retries() -> None:
    """Give up a database after 2 failed connections: MLflow's 10 take 100 seconds."""
    import mlflow.store.db.utils

    mlflow.store.db.utils.MAX_RETRY_COUNT = 2


def move_artifacts(database: Path, artifacts: str) -> None:
    """Correct the artifact addresses in an SQLite store after its checkout was moved.

    MLflow stores absolute addresses, and has no command to change them. ``artifacts`` is the
    ``file:`` address of the folder ``mlruns`` where it is now.
    """
    with closing(sqlite3.connect(database, timeout=5)) as store, store:
        found = store.execute("SELECT DISTINCT artifact_location FROM experiments").fetchall()
        for (old,) in found:
            if old == artifacts or not old.startswith("file:") or not old.endswith("/mlruns"):
                continue
            for table, column in (
                ("experiments", "artifact_location"),
                ("runs", "artifact_uri"),
                ("logged_models", "artifact_location"),
                ("model_versions", "source"),
                ("model_versions", "storage_location"),
            ):
                store.execute(
                    f"UPDATE {table} SET {column} = ? || substr({column}, ?) "  # noqa: S608
                    f"WHERE substr({column}, 1, ?) = ?",
                    (artifacts, len(old) + 1, len(old), old),
                )
