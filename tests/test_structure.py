"""Modules and functions stay short."""

import ast
from pathlib import Path

ROOT = Path(__file__).parent.parent
FILES = [*(ROOT / "src").rglob("*.py"), *(ROOT / "stages").rglob("*.py")]
MOST_LINES = {"stages": 50, "src": 300}
MOST_LINES_OF_A_FUNCTION = 40


def test_modules_are_short():
    too_long = {}
    for path in FILES:
        lines = len(path.read_text("utf-8").splitlines())
        if lines > MOST_LINES[path.relative_to(ROOT).parts[0]]:
            too_long[str(path.relative_to(ROOT))] = lines
    assert too_long == {}


def test_functions_are_short():
    too_long = {}
    for path in FILES:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                lines = node.end_lineno - node.lineno + 1
                if lines > MOST_LINES_OF_A_FUNCTION:
                    too_long[f"{path.relative_to(ROOT)}:{node.name}"] = lines
    assert too_long == {}


def test_every_module_of_src_is_in_a_package():
    assert [path.name for path in (ROOT / "src").glob("*.py")] == ["__init__.py"]
