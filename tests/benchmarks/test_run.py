import subprocess
import sys
from importlib import import_module
from string import Formatter

import pytest

from benchmarks.run import PAGES, ROOT


@pytest.mark.parametrize("name", PAGES)
def test_a_page_contains_the_text_that_its_section_prints(name):
    _, _, section = PAGES[name].read_text("utf-8").partition(f"<!-- {name} -->\n")
    section = section[: section.index(f"<!-- /{name} -->")]
    for text, *_ in Formatter().parse(import_module(f"benchmarks.{name}").INTRODUCTION):
        assert text in section


def test_an_unknown_section_is_rejected():
    command = [sys.executable, "-m", "benchmarks.run", "speed"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 2
    assert f"unknown section speed; choose from {', '.join(PAGES)}" in done.stderr
