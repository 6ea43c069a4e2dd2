"""What the README and the other pages name exists: commands, modules, files, packages."""

import re
import subprocess
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
README = ROOT / "README.md"
PAGES = [README, ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
every_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)


def found(pattern: str, page: Path) -> set[str]:
    return set(re.findall(pattern, page.read_text("utf-8"), re.MULTILINE))


@every_page
def test_make_targets_exist(page):
    for target in found(r"(?:^ {4}|`)make ([a-z-]+)", page):
        done = subprocess.run(["make", "-n", target], cwd=ROOT, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr


@every_page
def test_python_modules_exist(page):
    for module in found(r"python -m ([\w.]+)", page):
        assert find_spec(module), module


@every_page
def test_links_and_images_lead_to_files(page):
    for target in found(r"\]\(((?!https?://)[^)#]+)", page):
        assert (page.parent / target).exists(), target


@every_page
def test_source_files_exist(page):
    for path in found(r"`((?:src|stages|tests)/[\w./-]*)`", page):
        assert (ROOT / path).exists(), path


def test_the_tree_lists_the_packages():
    packages = {path.parent.name for path in ROOT.glob("src/*/__init__.py")}
    assert found(r"^ {4}(\w+)/ ", ROOT / "CONTRIBUTING.md") == packages
