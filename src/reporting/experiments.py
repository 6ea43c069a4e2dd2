"""The DVC experiments of the last commit as a table: what each changed, and its results.

Unlike ``dvc exp show``, it has one line for each change, also for those of ``recipes.yaml``.
"""

import re
from typing import Any

from rich.table import Table
from rich.text import Text

from src.common.errors import PipelineError, run
from src.common.paths import RECIPES
from src.config.params import Params
from src.config.yaml_files import changes_of
from src.reporting.report import new_console

WIDTH = 140  # characters, if the output is not a terminal
TEST = re.compile(r"(?:metrics/summary\.json:)?test\.(.+)")  # a metric of a trained recipe
State = dict[str, Any]  # a row of DVC's table: names of parameters and metrics, and their values


def changes(state: State, base: State) -> list[str]:
    """The changes of ``state`` since ``base``, the last commit, as arguments for ``-S``."""
    blocks = tuple(f"{block}." for block in Params.model_fields)
    names = [name for name in state if name == "model" or name.startswith(blocks)]
    found = [f"{name}={_text(state[name])}" for name in names if state[name] != base.get(name)]
    revision = None if state["rev"] == "workspace" else state["rev"]
    return found + changes_of(RECIPES, f"{RECIPES}:", revision)


def results(state: State) -> list[str]:
    """The test accuracy of each trained recipe, the best first."""
    names = {found[1]: state[name] for name in state if (found := TEST.fullmatch(name))}
    tested = {name: value for name, value in names.items() if isinstance(value, int | float)}
    return [f"{name} {tested[name]:.4f}" for name in sorted(tested, key=lambda n: -tested[n])]


def experiments_table(states: list[State]) -> Table:
    """One row for the workspace, the last commit and each of its experiments, in this order.

    Their changes are those to the last commit. Experiments that have not ended have a state.
    """
    table = Table()
    for name in ("experiment", "changes", "dataset", "test accuracy", "created", "state"):
        table.add_column(name, no_wrap=name != "changes", overflow="fold")
    for state in states:
        wanted = f" (NOT {state['fallback_for']})" if state.get("fallback_for") else ""
        table.add_row(
            state["Experiment"] or state["rev"],
            Text("\n".join(changes(state, base=states[:2][-1]))),  # not a string: [ is markup
            _text(state.get("dataset")) + wanted,
            "\n".join(results(state)),
            _text(state["Created"]),
            state["State"],
        )
    return table


def _text(value: Any) -> str:
    if value is None:
        return "–"
    if isinstance(value, float):  # DVC gives integers as floats
        return format(value, ".10g")
    text = str(value)
    return text.replace("'", "").replace(", ", ",") if text.startswith("[") else text


def main() -> None:
    from dvc.api import exp_show
    from dvc.exceptions import DvcException

    try:
        states = exp_show()
    except DvcException as error:
        raise PipelineError(f"DVC cannot list the experiments: {error}") from None
    new_console(WIDTH).print(experiments_table(states))


if __name__ == "__main__":
    run(main)
