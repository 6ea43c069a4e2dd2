"""The DVC experiments of the last commit as a table: what each changed, and its results.

``dvc exp show`` has a column for each parameter, too many for a terminal, behind the results.
"""

from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from src.common.errors import PipelineError, run
from src.config.params import Params

WIDTH = 140  # characters, if the output is not a terminal
RESULTS = {"best.recipe": "best recipe", "best.validation": "validation", "best.test": "test"}
State = dict[str, Any]  # a row of DVC's table: names of parameters and metrics, and their values


def changes(state: State, base: State) -> list[str]:
    """The parameters of ``state`` that differ from ``base``, as arguments for ``-S``."""
    blocks = tuple(f"{block}." for block in Params.model_fields)
    names = [name for name in state if name == "model" or name.startswith(blocks)]
    return [f"{name}={_text(state[name])}" for name in names if state[name] != base.get(name)]


def experiments_table(states: list[State]) -> Table:
    """One row for the workspace, the last commit and each of its experiments, in this order.

    Their changes are those to the last commit. Experiments that have not ended have a state.
    """
    base = states[:2][-1]
    table = Table()
    table.add_column("experiment", no_wrap=True)
    table.add_column("changed parameters", overflow="fold")
    has_state = any(state["State"] for state in states)
    for name in (*RESULTS.values(), "created", *["state"] * has_state):
        table.add_column(
            name, no_wrap=True, justify="right" if name in ("test", "validation") else "left"
        )
    for state in states:
        results = [_text(state.get(name), ".4f") for name in RESULTS]
        if wanted := state.get("fallback_for"):
            results[0] += f" (NOT on {wanted})"
        rest = [_text(state[name]) for name in ("Created", *["State"] * has_state)]
        changed = Text("\n".join(changes(state, base)))  # not a string: [ is markup
        table.add_row(state["Experiment"] or state["rev"], changed, *results, *rest)
    return table


def _text(value: Any, number: str = ".10g") -> str:
    if value is None:
        return "–"
    if isinstance(value, float):  # DVC gives integers as floats
        return format(value, number)
    text = str(value)
    return text.replace("'", "").replace(", ", ",") if text.startswith("[") else text


def main() -> None:
    from dvc.api import exp_show
    from dvc.exceptions import DvcException

    try:
        states = exp_show()
    except DvcException as error:
        raise PipelineError(f"DVC cannot list the experiments: {error}") from None
    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=WIDTH)
    console.print(experiments_table(states))


if __name__ == "__main__":
    run(main)
