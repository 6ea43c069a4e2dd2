"""Test results and comparisons in MLflow, each logged once: a tag has the digest of its content."""

import shutil
import tempfile
import time
from pathlib import Path
from typing import Any

from src.common import paths
from src.common.files import json_sha256, sha256
from src.models.record import Record
from src.tracking.datasets import dataset_input, logged_splits
from src.tracking.description import MAX_TAG, NOTE, origin_of, origin_tags, result_lines, run_note
from src.tracking.existing_runs import find_by_weights, model_id
from src.tracking.origin import PATCH, origin
from src.tracking.runs import linked_metrics
from src.tracking.store import experiment_id

DIGEST = "results_sha256"  # set last


def log_test_results(client: Any, run: Any, record: Record, test: dict[str, Any]) -> bool:
    """Log a recipe's test metrics and plots to its run; return whether anything was missing.

    ``test`` is its entry in ``metrics/test.json``, of the same weights.
    """
    plots = {folder.name: folder / f"{record['name']}.png" for folder in paths.RECIPE_PLOTS}
    plots = {kind: path for kind, path in plots.items() if path.exists()}
    digest = json_sha256([test, {kind: sha256(path) for kind, path in plots.items()}])
    if run.data.tags.get(DIGEST) == digest:
        return False
    if "test" not in logged_splits(run):
        client.log_inputs(run.info.run_id, [dataset_input(record["dataset"], "test")])
        run = client.get_run(run.info.run_id)
    now, step = int(1000 * time.time()), 0  # MLflow draws a bar chart for step 0 only
    new = [
        (f"test_{key}", value, now, step)
        for key, value in test.items()
        if isinstance(value, int | float) and run.data.metrics.get(f"test_{key}") != value
    ]
    client.log_batch(run.info.run_id, linked_metrics(new, model_id(client, run), run))
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

    frame = report.readable(pd.read_csv(paths.COMPARISON))
    table = frame.to_dict("list")
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
    note = comparison_note(frame, text)
    source = origin()
    tags = origin_tags(source) | {NOTE: note, "comparison": "true"}
    name = f"comparison of {len(records)}"
    run = client.create_run(experiment, int(1000 * time.time()), tags, name)
    client.log_table(run.info.run_id, table, "comparison.json")
    client.log_text(run.info.run_id, text, "comparison.md")
    if source["patch"]:
        client.log_text(run.info.run_id, source["patch"], PATCH)
    client.set_terminated(run.info.run_id)
    client.set_tag(run.info.run_id, DIGEST, digest)
    return True


def comparison_note(table: Any, text: str) -> str:
    """The description of a comparison: the table, and the sentences in the Markdown ``text``.

    The table is plain text: MLflow shows those of Markdown without space between the columns.
    """
    columns = [[name, *table[name]] for name in table]
    padded = [[cell.ljust(max(map(len, column))) for cell in column] for column in columns]
    rows = ["   ".join(row).rstrip() for row in zip(*padded, strict=True)]
    sentences = [line for line in text.splitlines() if not line.startswith("|")]
    return "\n".join(["```", *rows, "```", *sentences])[:MAX_TAG]
