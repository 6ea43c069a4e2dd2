"""Modules and functions stay short."""

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent
MOST_LINES = {"stages": 50, "src": 300}
MOST_LINES_OF_A_FUNCTION = 40


def too_long() -> Iterator[tuple[str, int]]:
    """The modules and functions that are too long, with their number of lines."""
    for folder, most in MOST_LINES.items():
        for path in (ROOT / folder).rglob("*.py"):
            text, name = path.read_text("utf-8"), str(path.relative_to(ROOT))
            if (lines := len(text.splitlines())) > most:
                yield name, lines
            for node in ast.walk(ast.parse(text)):
                if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                    lines = node.end_lineno - node.lineno + 1
                    if lines > MOST_LINES_OF_A_FUNCTION:
                        yield f"{name}:{node.name}", lines


def test_modules_and_functions_are_short():
    assert [*too_long()] == []


def test_every_module_of_src_is_in_a_package():
    assert [path.name for path in (ROOT / "src").glob("*.py")] == ["__init__.py"]
