"""The commands of the README's section "Share", with real git and DVC processes.

The author's checkout has a folder as DVC remote, and a bare repository as origin.
"""

import json
import re
import subprocess
from pathlib import Path

import pytest

from tests.fixtures.checkout import TRAINED

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def author(tmp_path_factory, copy_trained, shell) -> Path:
    """A checkout with results, and an experiment, all of which it has shared."""
    folder = tmp_path_factory.mktemp("sharing")
    checkout = copy_trained(folder / "author")
    for command in (
        f"git init -q --bare {folder}/origin",
        f"git remote add origin {folder}/origin",
        f"dvc remote add -d storage {folder}/storage",
        "git commit -qam Remote",
        "git push -q origin HEAD:refs/heads/main",
        "dvc push -q",
        "dvc exp run -q -n short -S recipes.yaml:mlp_65x2.epochs=1",
        "dvc exp push -q origin short",
        "git checkout -q .",
        "dvc checkout -q",
    ):
        shell(command.split(), checkout)
    return checkout


@pytest.fixture
def clone(author, shell, tmp_path) -> Path:
    """What another person gets with `git clone`."""
    shell(["git", "clone", "-q", "-b", "main", str(author.parent / "origin"), "clone"], tmp_path)
    return tmp_path / "clone"


def results(checkout: Path) -> dict:
    return json.loads((checkout / "metrics/summary.json").read_text())


def store_has(checkout: Path, shell, logged_trainings) -> list[tuple[str, str]]:
    """Run what `make ui` runs before the server starts; return the trainings in MLflow."""
    dry_run = subprocess.check_output(["make", "-n", "ui"], cwd=ROOT, text=True)
    assert "\npython -m src.tracking.ui " in f"\n{dry_run}"
    shell(["python", "-m", "src.tracking.sync"], checkout)
    return logged_trainings(checkout)


def test_after_a_pull_there_is_nothing_to_do_and_mlflow_shows_the_runs_once(
    clone, shell, logged_trainings
):
    shell(["dvc", "pull", "-q"], clone)
    assert "up to date" in shell(["dvc", "repro"], clone).stdout
    once = [(name, "") for name in sorted(TRAINED)]
    for _ in range(2):
        assert store_has(clone, shell, logged_trainings) == once
    champion = shell(["python", "-m", "src.apps.predict", "--test", "1"], clone).stdout
    assert "champion" in champion
    assert shell(["git", "status", "--porcelain"], clone).stdout == ""


def test_an_experiment_fetches_only_the_files_that_it_needs(clone, shell, author):
    shell(["dvc", "pull", "-q", "models/softmax"], clone)
    experiment = ["dvc", "exp", "run", "--pull", "--allow-missing", "-S", "model=softmax"]
    shell(experiment, clone)
    assert results(clone)["best"] == "softmax"
    lock = (author / "dvc.lock").read_text()
    others = re.search(r"path: models/mlp\n\s+hash: md5\n\s+md5: (\w\w)(\w+\.dir)", lock)
    assert (author.parent / "storage/files/md5" / others[1] / others[2]).exists()
    assert not (clone / ".dvc/cache/files/md5" / others[1] / others[2]).exists()


def test_an_experiment_is_shared_applied_and_compared(clone, shell, author, logged_trainings):
    assert "short" in shell(["dvc", "exp", "list", "origin"], clone).stdout
    shell(["dvc", "pull", "-q"], clone)
    shell(["dvc", "exp", "pull", "-q", "origin", "short"], clone)
    shown = shell(["dvc", "exp", "show", "--only-changed", "--csv"], clone).stdout.splitlines()
    assert "test.mlp_65x2" in shown[0] and "test.softmax" not in shown[0]
    assert any(row.startswith("short,") for row in shown)
    before = results(clone)["test"]["mlp_65x2"]
    shell(["dvc", "exp", "apply", "short"], clone)
    after = results(clone)["test"]["mlp_65x2"]
    assert after < before
    assert "recipes.yaml" in shell(["git", "status", "--porcelain"], clone).stdout
    shell(["dvc", "exp", "branch", "short", "short-training"], clone)
    diff = shell(["dvc", "metrics", "diff", "main", "short-training"], clone).stdout
    assert "test.mlp_65x2" in diff and "test.softmax" not in diff
    assert "up to date" in shell(["dvc", "repro"], clone).stdout
    assert store_has(clone, shell, logged_trainings) == [(name, "") for name in sorted(TRAINED)]
    # In the store of the author, the run has the name of the experiment.
    assert ("mlp_65x2", "short") in logged_trainings(author)
