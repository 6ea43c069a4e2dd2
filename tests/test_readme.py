"""What the README and the other pages name exists: commands, modules, files, packages."""

import re
import shlex
import shutil
import subprocess
from importlib.util import find_spec
from pathlib import Path

import pytest

from examples.sweep import combinations
from src.config.params import load_params
from src.config.plan import select
from src.config.recipes import load_recipes
from tests.fixtures.commands import (
    COVERAGE,
    PAGES,
    ROOT,
    SETTINGS,
    changes,
    commands,
    commands_with,
    how_tested,
)

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
    for path in found(r"`((?:src|stages|tests|examples)/[\w./-]*)`", page):
        assert (ROOT / path).exists(), path


def test_the_tree_lists_the_packages():
    packages = {path.parent.name for path in ROOT.glob("src/*/__init__.py")}
    assert found(r"^ {4}(\w+)/ ", ROOT / "CONTRIBUTING.md") == packages


@every_page
def test_each_command_is_tested_or_there_is_a_reason(page):
    untested = [command for command in commands(page) if how_tested(command) is None]
    assert untested == [], "add an entry to COVERAGE in tests/fixtures/commands.py"


def test_the_tests_of_the_commands_exist():
    for how in COVERAGE.values():
        for path in re.findall(r"tests/\S+\.py", how):
            assert (ROOT / path).is_file(), path


@pytest.mark.parametrize("command", commands_with(SETTINGS))
def test_settings_are_valid(command, tmp_path):
    from dvc.cli import parse_args
    from dvc.utils.cli_parse import to_path_overrides
    from dvc.utils.hydra import apply_overrides

    if command.startswith("dvc "):
        parse_args(shlex.split(command)[1:])
    params, recipes = tmp_path / "params.yaml", tmp_path / "recipes.yaml"
    for settings in combinations(changes(command)):
        for path in (params, recipes):
            shutil.copy(ROOT / path.name, path)
        for name, overrides in to_path_overrides(settings).items():
            apply_overrides(tmp_path / name, overrides)
        select(load_params(params).model, load_recipes(recipes))


def test_a_new_command_is_found(tmp_path):
    page = tmp_path / "page.md"
    page.write_text(
        "Text\n\n    make repro    # comment\n    dvc new \\\n        --option ; make new\n\n"
        "    import numpy\n    src/\n      data/  make new\n"
    )
    assert commands(page) == ["make repro", "dvc new --option", "make new"]
    untested = [each for each in commands(page) if how_tested(each) is None]
    assert untested == ["dvc new --option", "make new"]
