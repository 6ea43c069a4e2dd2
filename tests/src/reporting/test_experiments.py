"""The table of the DVC experiments."""

from io import StringIO

import pytest
from rich.console import Console

from src.common.paths import PARAMS, RECIPES
from src.reporting.experiments import changes, experiments_table

BASE = {
    "Experiment": None,
    "rev": "main",
    "Created": "Nov 26, 2026",
    "State": None,
    "dataset": "mnist",
    "test.cnn": 0.99281,
    "test.softmax": None,  # not trained, but in another row
    "train.seed": 1.0,
}
CHANGED = BASE | {"Experiment": "bold-move", "rev": "bold-move"}
CHANGED |= {"test.cnn": 0.5, "test.softmax": 0.9}


@pytest.fixture(autouse=True)
def checkout(tmp_path, monkeypatch, shell):
    """Two commits, the second of which changes values; another change is not committed."""
    monkeypatch.chdir(tmp_path)
    shell(["git", "init", "-qb", "main"], tmp_path)
    for branch, model, kernel in (("main", "all", 3), ("bold-move", "[softmax, cnn]", 5)):
        shell(["git", "checkout", "-qB", branch], tmp_path)
        PARAMS.write_text(f"model: {model}\n")
        RECIPES.write_text(f"cnn:\n  kernel: {kernel}\n  pool: 2\n")
        shell(["git", "add", "."], tmp_path)
        shell(["git", "commit", "-qm", branch], tmp_path)
    shell(["git", "checkout", "-q", "main"], tmp_path)
    RECIPES.write_text("cnn:\n  kernel: 3\n  pool: 3\n")


def printed(*states: dict) -> str:
    output = StringIO()
    Console(file=output, width=140).print(experiments_table([BASE | {"rev": "workspace"}, *states]))
    return output.getvalue()


def test_changes_are_arguments_of_an_experiment():
    assert changes(CHANGED) == ["model=[softmax, cnn]", "recipes.yaml:cnn.kernel=5"]
    assert changes(BASE) == []
    assert changes(BASE | {"rev": "workspace"}) == ["recipes.yaml:cnn.pool=3"]


def test_changes_are_in_front_of_the_results_the_best_first():
    table = printed(BASE, CHANGED)
    assert max(map(len, table.splitlines())) <= 140
    headings = ["experiment", "changes", "dataset", "test accuracy", "created"]
    places = [table.index(heading) for heading in headings]
    assert places == sorted(places)
    row = next(line for line in table.splitlines() if "bold-move" in line)
    assert all(text in row for text in ("model=[softmax, cnn]", "softmax 0.9000", "Nov 26, 2026"))
    assert table.index("softmax 0.9000") < table.index("cnn 0.5000")


def test_other_datasets_are_marked_and_an_experiment_without_results_has_a_state():
    table = printed(BASE, CHANGED | {"dataset": "digits", "fallback_for": "kmnist"})
    assert table.count("digits (NOT kmnist)") == 1
    table = printed(BASE, dict.fromkeys(BASE) | {"rev": "bold-move", "State": "Queued"})
    assert "bold-move" in table and "Queued" in table
