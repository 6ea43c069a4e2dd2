"""From a DVC experiment to its MLflow runs, and back: ``make find WHAT=…``."""

import sys

from rich.console import Console
from rich.table import Table

from src.common.errors import PipelineError, run
from src.tracking.store import connect, store_uri, without_secrets


def find(client, what: str) -> tuple[str, list]:
    """The runs of a DVC experiment, of a recipe, of a commit, or the run of an id.

    Beside them the search by which they were found, empty if none were.

    Args:
        client: of the store.
        what: name of the experiment or recipe; the beginning of a commit, or of a run's id.
    """
    experiments = [each.experiment_id for each in client.search_experiments()]
    quoted = what.replace("'", "")
    for wanted in (
        f"tags.dvc_exp = '{quoted}'",
        f"tags.recipe = '{quoted}'",
        f"attributes.run_id LIKE '{quoted}%'",
        f"tags.`mlflow.source.git.commit` LIKE '{quoted}%'",
    ):
        if found := client.search_runs(experiments, wanted, order_by=["attributes.start_time"]):
            return wanted, list(found)
    return "", []


def main() -> None:
    what = " ".join(sys.argv[1:]).strip()
    if not what:
        raise PipelineError("name a DVC experiment, a recipe, a commit or a run: make find WHAT=…")
    uri = store_uri()
    try:
        search, found = find(connect(uri), what)
    except Exception as error:
        why = without_secrets(str(error))[:200]
        raise PipelineError(f"{without_secrets(uri)} does not answer ({why})") from None
    if not found:
        raise PipelineError(f"no run in {without_secrets(uri)} is of {what!r}")
    grid = Table(title=f"MLflow runs of {what}, the oldest first")
    for column in ("run", "name", "status", "validation", "test", "DVC experiment", "commit"):
        grid.add_column(column, no_wrap=True)
    for each in found:
        tags, metrics = each.data.tags, each.data.metrics
        accuracies = [metrics.get(f"{split}_accuracy") for split in ("val", "test")]
        grid.add_row(
            each.info.run_id,
            each.info.run_name,
            each.info.status.lower(),
            *("–" if accuracy is None else f"{accuracy:.4f}" for accuracy in accuracies),
            tags.get("dvc_exp", "–"),
            tags.get("mlflow.source.git.commit", "–")[:7],
        )
    console = Console(highlight=False)
    console.print(grid) if console.width >= 110 else Console(width=120).print(grid)
    last = found[-1].info
    print(
        f"In the UI (`make ui`): /#/experiments/{last.experiment_id}/runs/{last.run_id}; "
        f"all of them by the search  {search}"
    )


if __name__ == "__main__":
    run(main)
