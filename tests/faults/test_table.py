"""The table in the documentation is that of the tests."""

from tests.conftest import ROOT
from tests.faults.table import MODULES, PAGE, page


def test_the_page_has_the_table_of_the_tests():
    text = PAGE.read_text("utf-8")
    assert page(text) == text, "run `python -m tests.faults.table`"


def test_each_module_of_faults_is_in_it():
    modules = {
        path.stem.removeprefix("test_") for path in (ROOT / "tests/faults").glob("test_*.py")
    }
    assert modules == {*MODULES, "table"}
