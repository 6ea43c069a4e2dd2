"""Print the MLflow runs of a DVC experiment, recipe or commit, or one run: ``make find``."""

import sys
from typing import Any

from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

from src.common.errors import PipelineError, run
from src.common.messages import clean
from src.tracking.attempts import short_reason
from src.tracking.store import connect, store_uri


def find_runs(client: Any, value: str) -> tuple[str, list[Any]]:
    """The first search, in MLflow's syntax, that finds runs, and these runs, the oldest first.

    Both are empty if neither an experiment or recipe, nor the beginning of a run's id or commit,
    is ``value``.
    """
    experiments = [each.experiment_id for each in client.search_experiments()]
    value = value.replace("'", "")
    for search in (
        f"tags.dvc_exp = '{value}'",
        f"tags.recipe = '{value}'",
        f"attributes.run_id LIKE '{value}%'",
        f"tags.`mlflow.source.git.commit` LIKE '{value}%'",
    ):
        if found := client.search_runs(experiments, search, order_by=["attributes.start_time"]):
            return search, list(found)
    return "", []


def runs_table(value: str, found: list[Any]) -> Table:
    """A table with a row for each run."""
    names = ("run", "name", "status", "validation", "test", "DVC experiment", "commit")
    columns = [Column(name, no_wrap=True) for name in names]
    table = Table(*columns, title=Text(f"MLflow runs of {clean(value)}, the oldest first"))
    for each in found:
        tags, metrics = each.data.tags, each.data.metrics
        accuracies = [metrics.get(f"{split}_accuracy") for split in ("val", "test")]
        cells = (
            each.info.run_id,
            each.info.run_name,
            each.info.status.lower(),
            *("–" if accuracy is None else f"{accuracy:.4f}" for accuracy in accuracies),
            tags.get("dvc_exp", "–"),
            tags.get("mlflow.source.git.commit", "–")[:7],
        )
        table.add_row(*(Text(clean(cell)) for cell in cells))
    return table


def main() -> None:
    value = " ".join(sys.argv[1:]).strip()
    if not value:
        raise PipelineError("name a DVC experiment, recipe, commit or run: make find WHAT=…")
    uri = store_uri()
    try:
        search, found = find_runs(connect(store_uri()), value)
    except Exception as error:
        raise PipelineError(f"MLflow at {uri} failed ({short_reason(error)})") from None
    if not found:
        raise PipelineError(f"MLflow at {uri} has no experiment, recipe, commit or run {value!r}")
    console = Console(highlight=False)
    if console.width < 110:
        console = Console(highlight=False, width=120)
    console.print(runs_table(value, found))
    last = found[-1].info
    page = f"http://127.0.0.1:5000/#/experiments/{last.experiment_id}/runs/{last.run_id}"
    print(clean(f"Page of the last run, after `make ui`: {page}"))
    print(clean(f"Search for these runs in the UI: {search}"))


if __name__ == "__main__":
    run(main, is_stage=False)
