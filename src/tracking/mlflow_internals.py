"""The undocumented parts of MLflow that this project relies on; each has a test.

An upgrade of MLflow that changes one of them fails that test.
"""

import json
import os
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

# The columns of the page of runs, best first. The page reads them from this tag of an experiment
# at the address …/runs?viewStateShareKey=recipes; by default it does not show metrics.
VIEW_TAG = "mlflow.sharedViewState.recipes"
COLUMNS = (
    "metrics.`test_accuracy`",
    "metrics.`val_accuracy`",
    "params.`parameters`",
    "attributes.`Dataset`",
    "tags.`changes`",
    "tags.`dvc_exp`",
    "attributes.`Models`",
)
VIEW = json.dumps({"orderByKey": COLUMNS[0], "orderByAsc": False, "selectedColumns": COLUMNS})

VERSIONS_TAG = "mlflow.modelVersions"  # of a model: JSON, the registered versions
EXPERIMENT_TAGS = {VIEW_TAG: VIEW, "mlflow.experimentKind": "custom_model_development"}


def runs_page(experiment: str) -> str:
    """The path of the page of an experiment's runs, best first, behind the # of an address."""
    query = "workflowType=machine_learning&viewStateShareKey=recipes"
    return f"/experiments/{experiment}/runs?{query}"


# What the UI remembers in the browser, as if the user had chosen it before the first visit: the
# view for the training of models, not for agents; no panel of the assistant, no notice.
REMEMBERED = {
    "mlflow.workflowType_v1": "machine_learning",
    "mlflow.assistant.fab.autoOpenedOnFirstLoad_v1": True,
    "mlflow.telemetry.info.alert.dismissed_v1": True,
    "mlflow.settings.telemetry.enabled_v1": False,
}
REMEMBER = """<script>
for (const [key, value] of Object.entries(%s))
  if (localStorage.getItem(key) === null) localStorage.setItem(key, JSON.stringify(value));
</script>"""


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


def system_monitor(run_id: str, uri: str) -> Any:
    """Start to log the use of processors and memory, each second, until ``finish``.

    MLflow has no setting to leave out disks and networks, which do not depend on the training.
    """
    from mlflow.system_metrics.system_metrics_monitor import SystemMetricsMonitor

    monitor = SystemMetricsMonitor(run_id, tracking_uri=uri)
    unwanted = ("DiskMonitor", "NetworkMonitor")
    monitor.monitors = [each for each in monitor.monitors if type(each).__name__ not in unwanted]
    monitor.start()
    return monitor


def ui_app(store: str, artifacts: str) -> Any:
    """The application of ``mlflow server`` for a database, which opens on the training of models.

    ``artifacts`` is the folder of new artifacts.
    """
    import uvicorn  # noqa: F401  # before MLflow, which protects its pages only in a server
    from mlflow.server import constants, handlers

    os.environ |= {
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
        constants.BACKEND_STORE_URI_ENV_VAR: store,
        constants.REGISTRY_STORE_URI_ENV_VAR: store,
        constants.ARTIFACT_ROOT_ENV_VAR: "mlflow-artifacts:/",
        constants.ARTIFACTS_DESTINATION_ENV_VAR: artifacts,
        constants.SERVE_ARTIFACTS_ENV_VAR: "true",
    }
    handlers.initialize_backend_stores(store, store, "mlflow-artifacts:/")
    from mlflow.server import app as pages  # after the settings, which they read
    from mlflow.server.fastapi_app import app
    from starlette.responses import HTMLResponse
    from starlette.routing import Route

    index = Path(str(pages.static_folder), "index.html").read_text("utf-8")
    script = REMEMBER % json.dumps(REMEMBERED)
    page = HTMLResponse(index.replace("<head>", f"<head>{script}", 1))
    app.router.routes.insert(0, Route("/", lambda request: page))
    return app
