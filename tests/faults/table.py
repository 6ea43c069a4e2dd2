"""Write the table of faults into ``docs/reliability.md``: ``python -m tests.faults.table``.

A row comes from the ``fault`` mark of a test in this folder.
"""

import sys
from pathlib import Path

import pytest

from src.common.markdown import replace_section

FOLDER = Path(__file__).parent
PAGE = FOLDER.parents[1] / "docs/reliability.md"
# The order of the rows; tests in other files follow.
FIRST = ("killed", "disk_full", "network", "bad_data", "bad_parameters")
FIRST += ("concurrency", "place", "tracking", "security")


class Rows:
    """A pytest plugin that collects a row for each test with a ``fault`` mark."""

    def __init__(self) -> None:
        self.rows: dict[str, None] = {}  # each once, however many parameters its test has

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        for item in session.items:
            link = f"[{item.path.stem}](../tests/faults/{item.path.name})"
            for mark in item.iter_markers("fault"):
                sees, then = mark.kwargs["sees"], mark.kwargs["then"]
                self.rows[f"| {mark.args[0]} | {sees} | {then} | {link} |"] = None


def table() -> str:
    """Return the table in Markdown.

    Raises:
        SystemExit: pytest cannot collect the tests.
    """
    first = [FOLDER / f"test_{name}.py" for name in FIRST]
    files = [*first, *sorted({*FOLDER.glob("test_*.py")} - {*first})]
    plugin = Rows()
    status = pytest.main(["--collect-only", "-qq", *map(str, files)], plugins=[plugin])
    if status:
        sys.exit(f"error: the tests in {FOLDER} cannot be collected; see above")
    head = ["| fault | what you see | what happens next | test |", "| --- | --- | --- | --- |"]
    return "\n".join([*head, *plugin.rows])


if __name__ == "__main__":
    PAGE.write_text(replace_section(PAGE.read_text("utf-8"), "faults", table()), "utf-8")
