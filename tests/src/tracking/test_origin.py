"""Commit and changes, as git and params.yaml tell them."""

import subprocess

import pytest
import yaml

from src.tracking.origin import origin


@pytest.fixture
def repository(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("DVC_EXP_NAME", "DVC_EXP_BASELINE_REV", "DVC_STAGE"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "src").mkdir()
    (tmp_path / "src/code.py").write_text("x = 1\n")
    write({"train": {"seed": 1}, "models": {"cnn": {"filters": [1, 2], "old": 3}}})
    for words in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "one"]):
        subprocess.run(
            ["git", "-c", "user.name=A", "-c", "user.email=a@example.org", *words], check=True
        )
    return tmp_path


def write(params):
    with open("params.yaml", "w") as file:
        yaml.safe_dump(params, file)


def test_a_commit_as_it_is(repository):
    told = origin()
    head = subprocess.check_output(["git", "rev-parse", "HEAD"], text=True).strip()
    assert (told["revision"], told["changes"], told["edited"]) == (head, [], False)


def test_changes_are_overrides(repository):
    write({"train": {"seed": 2}, "models": {"cnn": {"filters": [1, 2, 3]}, "new": {"kind": "x"}}})
    (repository / "src/code.py").write_text("x = 2\n")
    told = origin()
    assert told["changes"] == [
        "~models.cnn.old",
        "models.cnn.filters=[1, 2, 3]",
        "models.new.kind=x",
        "train.seed=2",
    ]
    assert told["edited"]


def test_without_git_nothing_is_known(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    told = origin()
    assert (told["revision"], told["changes"], told["edited"]) == ("", [], False)
