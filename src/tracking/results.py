"""Test results and comparisons in MLflow, each logged once: a tag has the digest of its content."""

import shutil
import tempfile
import time
from pathlib import Path
from typing import Any

from src.common import paths
from src.common.files import json_sha256, sha256
from src.models.record import Record
from src.tracking.description import NOTE, origin_of, origin_tags, result_lines, run_note
from src.tracking.existing_runs import find_by_weights, model_id
from src.tracking.origin import origin
from src.tracking.store import experiment_id

DIGEST = "results_sha256"  # set last


def log_test_results(client: Any, run: Any, name: str, test: dict[str, Any]) -> bool:
    """Log a recipe's test metrics and plots to its run; return whether anything was missing.

    ``test`` is its entry in ``metrics/test.json``, of the same weights.
    """
    from mlflow.entities import Metric

    plots = {folder.name: folder / f"{name}.png" for folder in paths.RECIPE_PLOTS}
    plots = {kind: path for kind, path in plots.items() if path.exists()}
    digest = json_sha256([test, {kind: sha256(path) for kind, path in plots.items()}])
    if run.data.tags.get(DIGEST) == digest:
        return False
    now, model, step = (
        int(1000 * time.time()),
        model_id(client, run),
        0,
    )  # MLflow draws a bar chart for step 0 only
    new = [
        Metric(f"test_{key}", value, now, step, model)
        for key, value in test.items()
        if isinstance(value, int | float) and run.data.metrics.get(f"test_{key}") != value
    ]
    client.log_batch(run.info.run_id, new)
    for kind, path in plots.items():
        with tempfile.TemporaryDirectory() as folder:
            renamed = shutil.copyfile(path, Path(folder, f"{kind}.png"))
            client.log_artifact(run.info.run_id, str(renamed), "plots")
    client.set_tag(run.info.run_id, DIGEST, digest)
    return True


def log_comparison(
    client: Any, records: dict[str, Record], test: dict[str, dict[str, Any]]
) -> bool:
    """Log the comparison in ``metrics/``, and add results to the description of each training.

    ``test`` is ``metrics/test.json``, of the same weights. Returns whether it was missing.
    """
    import pandas as pd  # here, because trainings do not need it

    from src.reporting import report

    table = report.readable(pd.read_csv(paths.COMPARISON)).to_dict("list")
    text = paths.COMPARISON_TEXT.read_text("utf-8")
    digest = json_sha256([table, text, test])
    experiment = experiment_id(client, next(iter(records.values()))["dataset"])
    if client.search_runs([experiment], f"tags.{DIGEST} = '{digest}'", max_results=1):
        return False
    published = list(pd.read_csv(paths.PUBLISHED).itertuples())
    for name, record in records.items():
        if trained := find_by_weights(client, record):
            results = result_lines(name, test[name], published)
            note = run_note(record, origin_of(trained), results)
            client.set_tag(trained.info.run_id, NOTE, note)
    tags = origin_tags(origin()) | {NOTE: text, "comparison": "true"}
    name = f"comparison of {len(records)}"
    run = client.create_run(experiment, int(1000 * time.time()), tags, name)
    client.log_table(run.info.run_id, table, "comparison.json")
    client.log_text(run.info.run_id, text, "comparison.md")
    client.set_terminated(run.info.run_id)
    client.set_tag(run.info.run_id, DIGEST, digest)
    return True
