"""The commands of "Keep and share" in docs/experiments.md, with real git and DVC processes.

The author's checkout has a folder as DVC remote, and a bare repository as origin.
"""

import json
import re
import sqlite3
from pathlib import Path

import pytest

from tests.fixtures.checkout import TRAINED
from tests.fixtures.commands import EXPERIMENT

pytestmark = pytest.mark.slow
SYNC = ["python", "-m", "src.tracking.sync"]  # as `make ui` before the server starts


@pytest.fixture(scope="module")
def author(tmp_path_factory, copy_trained, shell) -> Path:
    """A checkout that has shared its results and its experiment."""
    folder = tmp_path_factory.mktemp("sharing")
    checkout = copy_trained(folder / "author")
    for command in (
        f"git init -q --bare {folder}/origin",
        f"git remote add origin {folder}/origin",
        f"dvc remote add --local -d storage {folder}/storage",
        "git push -q origin HEAD:refs/heads/main",
        "dvc push -q",
        f"dvc exp push -q origin {EXPERIMENT}",
    ):
        shell(command.split(), checkout)
    return checkout


@pytest.fixture
def clone(author, shell, tmp_path) -> Path:
    """What another person gets with `git clone`, with the same DVC remote."""
    shell(["git", "clone", "-q", "-b", "main", str(author.parent / "origin"), "clone"], tmp_path)
    remote = ["dvc", "remote", "add", "--local", "-d", "storage", str(author.parent / "storage")]
    shell(remote, tmp_path / "clone")
    return tmp_path / "clone"


def results(checkout: Path) -> dict:
    return json.loads((checkout / "metrics/summary.json").read_text())


def test_results_and_an_experiment_are_shared_applied_and_compared(clone, shell, logged_trainings):
    shell(["dvc", "pull", "-q"], clone)
    assert "up to date" in shell(["dvc", "repro"], clone).stdout
    shell(SYNC, clone)
    assert logged_trainings(clone) == [(name, "") for name in sorted(TRAINED)]
    with sqlite3.connect(clone / "mlflow.db") as store:
        champions = store.execute("SELECT name FROM registered_model_aliases").fetchall()
    assert champions == [("mnist-classifier-fallback",)]
    assert shell(["git", "status", "--porcelain"], clone).stdout == ""

    assert EXPERIMENT in shell(["dvc", "exp", "list", "origin"], clone).stdout
    shell(["dvc", "exp", "pull", "-q", "origin", EXPERIMENT], clone)
    shell(["dvc", "exp", "apply", EXPERIMENT], clone)
    assert [*results(clone)["test"]] == ["cnn"]
    assert "params.yaml" in shell(["git", "status", "--porcelain"], clone).stdout
    shell(["dvc", "exp", "branch", EXPERIMENT, "short-training"], clone)
    diff = shell(["dvc", "metrics", "diff", "main", "short-training"], clone).stdout
    assert re.search(r"test.softmax +0\.\d+ +- ", diff)  # it was not trained
    assert "up to date" in shell(["dvc", "repro"], clone).stdout
    shell(SYNC, clone)
    assert logged_trainings(clone) == [(name, "") for name in sorted([*TRAINED, "cnn"])]


def test_an_experiment_fetches_only_the_files_that_it_needs(clone, shell, author):
    shell(["dvc", "pull", "-q", "models/softmax"], clone)
    experiment = ["dvc", "exp", "run", "--pull", "--allow-missing", "-S", "model=softmax"]
    shell(experiment, clone)
    assert results(clone)["best"] == "softmax"
    lock = (author / "dvc.lock").read_text()
    others = re.search(r"path: models/mlp\n\s+hash: md5\n\s+md5: (\w\w)(\w+\.dir)", lock)
    assert (author.parent / "storage/files/md5" / others[1] / others[2]).exists()
    assert not (clone / ".dvc/cache/files/md5" / others[1] / others[2]).exists()
