"""The pipeline as a user changes and runs it: DVC and real processes, on the fallback dataset."""

import json
import re
from pathlib import Path

import pandas as pd
import pytest

from tests.fixtures.checkout import TRAINED, trained_in
from tests.fixtures.commands import EXPERIMENT

pytestmark = pytest.mark.slow
MOST_COLUMNS = 60
HIDDEN_COLUMNS = ("rev", "typ", "parent", "State", "Executor")  # of the CSV file, not of the table


@pytest.fixture(scope="module")
def checkout(copy_trained, tmp_path_factory) -> Path:
    return copy_trained(tmp_path_factory.mktemp("pipeline") / "a checkout")


def test_an_edit_changes_only_the_stages_that_depend_on_it(checkout, shell):
    for package in ("tracking", "common", "evaluation", "reporting", "plots"):
        module = min((checkout / "src" / package).glob("[a-z]*.py"))
        module.write_text(module.read_text() + "# an edit\n")
    status = json.loads(shell(["dvc", "status", "--json"], checkout).stdout)
    shell(["git", "checkout", "-q", "."], checkout)
    assert {stage: {*change["changed deps"]} for stage, (change,) in status.items()} == {
        "preprocess": {"src/plots"},
        "evaluate": {"src/evaluation", "src/plots"},
        "compare": {"src/evaluation", "src/reporting"},
    }


def test_an_experiment_is_compared_with_the_last_commit(checkout, shell):
    """The columns can be read; there are as many for eight recipes, as in the README."""
    header = shell(["dvc", "exp", "show", "--csv"], checkout).stdout.splitlines()[0].split(",")
    shown = [name for name in header if name not in HIDDEN_COLUMNS]
    assert len([name for name in shown if name.startswith("test.")]) == len(TRAINED)
    assert len(shown) - len(TRAINED) + 8 <= MOST_COLUMNS
    assert shown.index("model") < shown.index("data/incoming")  # parameters in front of files
    metrics = shell(["dvc", "metrics", "diff", "HEAD", EXPERIMENT], checkout).stdout
    assert re.search(r"test.softmax +0\.\d+ +- ", metrics)  # it was not trained
    params = shell(["dvc", "params", "diff", "HEAD", EXPERIMENT], checkout).stdout
    assert re.search(r"train.epochs +recipe +1", params)


def test_only_a_recipe_that_is_new_or_changed_is_trained(
    checkout, shell, edit_params, logged_trainings
):
    """The complete training of the other recipe of its family is used again."""
    before = logged_trainings(checkout)
    edit_params(checkout, models__tiny={"like": "mlp_65x2", "hidden": [32], "epochs": 1})
    change = ["-S", "model=[softmax,tiny]", "-S", "recipes.yaml:softmax.batch_size=50"]
    change += ["-S", "train.tensorboard=false"]
    done = shell(["dvc", "exp", "run", "-n", "changed", *change], checkout)
    assert trained_in(done.stdout) == ["softmax", "tiny"]
    assert "softmax_normal: already trained; to train it again, delete .ch" in done.stdout
    table = pd.read_csv(checkout / "metrics/comparison.csv")
    assert {*table.recipe} == {"softmax", "softmax_normal", "tiny"}
    assert not (checkout / "models/mlp/mlp_65x2").exists()  # it is not selected any more
    changed = [("softmax", "changed"), ("tiny", "changed")]
    assert logged_trainings(checkout) == sorted(before + changed)
    assert (checkout / f"logs/digits/cnn/{EXPERIMENT}").is_dir()  # TensorBoard's files
    assert not (checkout / "logs/digits/softmax/changed").exists()


def test_a_selection_that_was_trained_before_is_restored(checkout, shell, logged_trainings):
    before = logged_trainings(checkout)
    shell(["git", "checkout", "-q", "."], checkout)
    assert trained_in(shell(["dvc", "repro"], checkout).stdout) == []
    assert len(pd.read_csv(checkout / "metrics/comparison.csv")) == len(TRAINED)
    assert shell(["git", "status", "--porcelain"], checkout).stdout == ""
    assert logged_trainings(checkout) == before


def test_the_experiments_are_a_table(checkout, shell):
    table = shell(["python", "-m", "src.reporting.experiments"], checkout).stdout
    for text in ("model=cnn", "train.epochs=1", "digits (NOT mnist)"):
        assert text in table
    assert "recipes.yaml:softmax.batch_size=50" in table and f" {EXPERIMENT} " in table
    assert max(map(len, table.splitlines())) <= 150
