"""The DVC experiments of the last commit as a table: what each changed, and its results.

Unlike ``dvc exp show``, it has one line for each change, also for those of ``recipes.yaml``.
"""

from typing import Any

from rich.table import Table
from rich.text import Text

from src.common.errors import PipelineError, run
from src.common.paths import PARAMS, RECIPES
from src.config.yaml_files import changes_of
from src.reporting.report import new_console

PREFIX = "test."  # of the test accuracies in metrics/summary.json
State = dict[str, Any]  # a row of DVC's table: names of parameters and metrics, and their values


def changes(state: State) -> list[str]:
    """The changes of a state since the last commit, as arguments for ``-S``."""
    revision = None if state["rev"] == "workspace" else state["rev"]
    return changes_of(PARAMS, "", revision) + changes_of(RECIPES, f"{RECIPES}:", revision)


def experiments_table(states: list[State]) -> Table:
    """One row for the workspace, the last commit and each of its experiments, in this order.

    Experiments that have not ended have a state.
    """
    table = Table()
    for name in ("experiment", "changes", "dataset", "test accuracy", "created", "state"):
        table.add_column(name, no_wrap=name != "changes", overflow="fold")
    for state in states:
        tests = [key for key in state if key.startswith(PREFIX) and isinstance(state[key], float)]
        best_first = sorted(tests, key=lambda key: -state[key])
        wanted = f" (NOT {state['fallback_for']})" if state.get("fallback_for") else ""
        table.add_row(
            state["Experiment"] or state["rev"],
            Text("\n".join(changes(state))),  # not a string: [ is markup
            f"{state.get('dataset') or '–'}{wanted}",
            "\n".join(f"{key.removeprefix(PREFIX)} {state[key]:.4f}" for key in best_first),
            state["Created"] or "–",
            state["State"],
        )
    return table


def main() -> None:
    from dvc.api import exp_show
    from dvc.exceptions import DvcException

    try:
        states = exp_show()
    except DvcException as error:
        raise PipelineError(f"DVC cannot list the experiments: {error}") from None
    new_console().print(experiments_table(states))


if __name__ == "__main__":
    run(main)
