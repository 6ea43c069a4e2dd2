"""The command, and the page it writes."""

import subprocess
import sys
from pathlib import Path

from benchmarks.run import HEADING, RESULTS, SECTIONS, results
from benchmarks.timing import in_turn, ratio

ROOT = Path(__file__).parents[2]


def test_a_ratio_is_of_programs_that_ran_in_the_same_turn():
    assert ratio([2.0, 6.0, 8.0], [1.0, 2.0, 2.0]) == "3.00 (2.00–4.00)"


def test_programs_run_in_turn_and_the_first_turn_does_not_count():
    ran = []
    seconds = in_turn({"a": lambda: ran.append("a"), "b": lambda: ran.append("b")}, repeat=2)
    assert ran == ["a", "b"] * 3
    assert {name: len(each) for name, each in seconds.items()} == {"a": 2, "b": 2}


def test_a_section_takes_its_own_place_and_keeps_the_others():
    text = results("", {"inference": "old", "training": "kept"})
    assert results(text, {"inference": "new"}) == (
        f"{HEADING}\n## training\n\nkept\n\n## inference\n\nnew\n"
    )


def test_every_section_is_in_the_repository():
    headings = [line[3:] for line in RESULTS.read_text("utf-8").splitlines() if line[:3] == "## "]
    assert headings == list(SECTIONS)


def test_an_unknown_section_is_a_sentence():
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.run", "speed"], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 2
    assert f"no section speed; there are {', '.join(SECTIONS)}" in done.stderr
