"""The table in docs/reliability.md is up to date."""

import sys
from pathlib import Path


def test_the_page_has_a_row_for_each_fault_mark(new_checkout, shell, tmp_path):
    page = Path("docs/reliability.md")
    checkout = new_checkout(tmp_path)
    before = (checkout / page).read_text("utf-8")
    shell([sys.executable, "-m", "tests.faults.table"], checkout)
    after = (checkout / page).read_text("utf-8")
    assert after == before, "run `python -m tests.faults.table`"
