"""The files that describe, package and check the project agree with one another."""

import json
import re
from pathlib import Path

import yaml

ROOT = Path(__file__).parent.parent


def test_the_citation_is_of_the_last_version_in_the_changelog():
    released = re.search(
        r"^## \[(\d+\.\d+\.\d+)\] - (\d{4}-\d\d-\d\d)$", (ROOT / "CHANGELOG.md").read_text(), re.M
    )
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert (citation["version"], citation["date-released"]) == released.groups()


def test_the_notebook_has_no_outputs():
    cells = json.loads((ROOT / "notebooks/tour.ipynb").read_text("utf-8"))["cells"]
    code = [cell for cell in cells if cell["cell_type"] == "code"]
    assert code and all(not cell["outputs"] and not cell["execution_count"] for cell in code)


def test_an_image_contains_no_file_that_git_ignores():
    ignored, excluded = (
        {
            re.sub(r"^(!?)(\*\*)?/", r"\1", line).rstrip("/")
            for line in (ROOT / name).read_text().splitlines()
        }
        for name in (".gitignore", ".dockerignore")
    )
    assert {line for line in ignored if line[:1] not in ("", "#")} - excluded == set()


def test_each_test_is_in_one_group_of_the_ci():
    workflow = yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text())
    groups = workflow["jobs"]["test"]["strategy"]["matrix"]["tests"]
    run = [
        path
        for group in groups
        for pattern in group.split()
        for found in sorted(ROOT.glob(pattern))
        for path in (found.rglob("test_*.py") if found.is_dir() else [found])
    ]
    assert sorted(run) == sorted((ROOT / "tests").rglob("test_*.py"))
