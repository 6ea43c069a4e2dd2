"""The README says what is true of the checkout it stands in."""

import re
from pathlib import Path

from src.common.markdown import replace_section

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text("utf-8")


def test_its_table_is_the_committed_comparison():
    comparison = (ROOT / "metrics/comparison.md").read_text("utf-8")
    assert replace_section(README, "comparison", comparison) == README, "run `make readme`"


def test_its_tree_names_every_module():
    tree = README.split("    src/")[1].split("    metrics/")[0]
    named = set(
        re.findall(
            r"\w+",
            " ".join(
                re.split(r"\s{2,}", line)[1] for line in tree.splitlines()[1:] if line.strip()
            ),
        )
    )
    modules = {path.stem for path in (ROOT / "src").glob("[a-z]*.py")}
    assert modules <= named


def test_its_targets_exist():
    makefile = (ROOT / "Makefile").read_text()
    for target in set(re.findall(r"`?make ([a-z-]+)", README)):
        assert f"\n{target}:" in makefile


def test_it_is_short():
    assert len(README.splitlines()) <= 200
