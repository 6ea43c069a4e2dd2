"""The table of faults, from the marks of the tests that inject them.

``python -m tests.faults.table`` writes it into ``docs/reliability.md``.
"""

import importlib
from collections.abc import Iterator
from pathlib import Path

from src.common.markdown import replace_section

PAGE = Path(__file__).parents[2] / "docs/reliability.md"
MODULES = (
    *("killed", "disk_full", "network", "bad_data", "bad_parameters"),
    *("concurrency", "place", "tracking", "security"),
)


def rows() -> Iterator[str]:
    """A row for each test that is marked with a fault, in the order of the modules."""
    for name in MODULES:
        module = importlib.import_module(f"tests.faults.test_{name}")
        for function, test in vars(module).items():
            for mark in getattr(test, "pytestmark", []) if function.startswith("test_") else []:
                if mark.name == "fault":
                    sees, then = mark.kwargs["sees"], mark.kwargs["then"]
                    link = f"[test_{name}](../tests/faults/test_{name}.py)"
                    yield f"| {mark.args[0]} | {sees} | {then} | {link} |"


def table() -> str:
    """The table in Markdown."""
    head = ["| fault | what one sees | what happens next | test |", "| --- | --- | --- | --- |"]
    return "\n".join([*head, *rows()])


def page(text: str) -> str:
    """The text of the page with the table between its marks."""
    return replace_section(text, "faults", table())


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text("utf-8")), "utf-8")
