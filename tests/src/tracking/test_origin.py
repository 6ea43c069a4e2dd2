"""The origin of a result, in real git repositories."""

import subprocess
from pathlib import Path

import pytest
import yaml
from dvc.utils.cli_parse import to_path_overrides
from dvc.utils.hydra import apply_overrides

from src.tracking.origin import origin


@pytest.fixture
def repository(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("DVC_EXP_NAME", "DVC_EXP_BASELINE_REV", "DVC_STAGE"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "src").mkdir()
    (tmp_path / "src/code.py").write_text("x = 1\n")
    write({"train": {"seed": 1}}, {"cnn": {"filters": [1, 2], "old": 3}})
    for words in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "one"]):
        subprocess.run(
            ["git", "-c", "user.name=A", "-c", "user.email=a@example.org", *words], check=True
        )
    return tmp_path


def write(params, recipes):
    for name, content in (("params.yaml", params), ("recipes.yaml", recipes)):
        Path(name).write_text(yaml.safe_dump(content))


def contents():
    return [yaml.safe_load(Path(name).read_text()) for name in ("params.yaml", "recipes.yaml")]


def test_a_clean_checkout_has_a_commit_and_no_changes(repository):
    found = origin()
    head = subprocess.check_output(["git", "rev-parse", "HEAD"], text=True).strip()
    assert (found["revision"], found["changes"], found["edited"]) == (head, [], False)
    assert found["patch"] == ""


def test_changed_parameters_are_arguments_of_dvc_exp_run(repository):
    write({"train": {"seed": 2}}, {"cnn": {"filters": [1, 2, 3]}, "new": {"like": "cnn"}})
    (repository / "src/code.py").write_text("x = 2\n")
    found, expected = origin(), contents()
    assert found["edited"]
    assert found["changes"] == [
        "train.seed=2",
        "recipes.yaml:~cnn.old",
        "recipes.yaml:cnn.filters=[1, 2, 3]",
        "recipes.yaml:+new.like=cnn",
    ]
    subprocess.run(["git", "checkout", "-q", "."], check=True)
    for name, overrides in to_path_overrides(found["changes"]).items():
        apply_overrides(Path(name), overrides)
    assert contents() == expected


def test_uncommitted_changes_are_a_patch_without_secrets(repository):
    git = ("git", "-c", "core.autocrlf=false")
    (repository / "src/code.py").write_text("x = 2\nu = 'https://me:secret@host/'\n")
    (repository / "src/new.py").write_text("y = 3\n")
    (repository / "src/latin.py").write_bytes(b"# \xe9\n")
    (repository / "notes.txt").write_text("of nothing that results depend on\n")
    write({"train": {"seed": 2}}, {"cnn": {}})
    (repository / "published.yaml").write_text("cnn: 1\n")
    patch = origin()["patch"]
    assert "secret" not in patch and "notes.txt" not in patch
    subprocess.run([*git, "stash", "-uq"], check=True)
    subprocess.run([*git, "apply"], input=patch.encode(), check=True)
    assert (repository / "src/code.py").read_text() == "x = 2\nu = 'https://***@host/'\n"
    assert (repository / "src/new.py").read_text() == "y = 3\n"
    assert contents() == [{"train": {"seed": 2}}, {"cnn": {}}]
    assert (repository / "published.yaml").read_text() == "cnn: 1\n"


@pytest.mark.parametrize("name", ["new.py", "code.py"])
def test_a_very_long_patch_is_left_out(repository, name):
    (repository / "src" / name).write_text("y = 3\n" * 100_000)
    found = origin()
    assert found["edited"] and found["patch"] == ""


def test_a_number_without_a_point_is_a_number(repository):
    recipes = (repository / "recipes.yaml").read_text()
    (repository / "recipes.yaml").write_text(recipes.replace("old: 3", "old: 1e-05"))
    assert origin()["changes"] == ["recipes.yaml:cnn.old=1.0e-05"]


@pytest.mark.parametrize("text", ["[" * 999 + "]" * 999, "&a {a: *a}", "a: [", "", "- 5"])
def test_unreadable_parameters_have_no_changes(repository, text):
    (repository / "params.yaml").write_text(text)
    assert origin()["changes"] == []


def test_without_git_the_commit_is_unknown(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    found = origin()
    assert (found["revision"], found["changes"], found["edited"]) == ("", [], False)
