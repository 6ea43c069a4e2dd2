"""The table of the DVC experiments."""

from io import StringIO

import pytest
from rich.console import Console

from src.reporting.experiments import changes, experiments_table

BASE = {
    "Experiment": None,
    "rev": "main",
    "Created": "Nov 26, 2026",
    "State": None,
    "best.recipe": "cnn",
    "best.test": 0.99281,
    "best.validation": 0.9924,
    "model": "all",
    "train.seed": 1.0,
    "models.cnn.epochs": 10.0,
    "models": "97b1.dir",  # a dependency
}
LONG = {f"models.cnn.a_{number}": "x" * 100 for number in range(9)}
CHANGED = (
    BASE
    | LONG
    | {
        "Experiment": "bold-move",
        "best.test": 0.5,
        "model": "['softmax', 'cnn']",
        "models.cnn.epochs": 30000.0,
        "models": "a75c.dir",
    }
)


def printed(*states: dict) -> str:
    output = StringIO()
    Console(file=output, width=140).print(experiments_table([BASE | {"rev": "workspace"}, *states]))
    return output.getvalue()


def test_changes_are_arguments_of_an_experiment():
    expected = ["model=[softmax,cnn]", "models.cnn.epochs=30000"]
    assert changes({name: CHANGED[name] for name in BASE}, BASE) == expected
    assert changes(BASE, BASE) == []


def test_changed_parameters_are_in_front_of_the_results():
    table = printed(BASE, CHANGED)
    assert max(map(len, table.splitlines())) <= 140
    headings = ["experiment", "changed parameters", "best recipe", "validation", "test", "created"]
    places = [table.index(heading) for heading in headings]
    assert places == sorted(places)
    row = next(line for line in table.splitlines() if "bold-move" in line)
    assert all(text in row for text in ("model=[softmax,cnn]", "cnn ", "0.5000 ", "Nov 26, 2026"))


def test_results_of_the_fallback_dataset_are_marked():
    table = printed(BASE, CHANGED | {"fallback_for": "kmnist"})
    assert table.count("(NOT on kmnist)") == 1


@pytest.mark.parametrize("state", ["Queued", "Failed"])
def test_an_experiment_without_results_has_a_state(state):
    unfinished = dict.fromkeys(BASE) | {"rev": "64b98a2", "State": state}
    assert state in printed(BASE, unfinished) and "64b98a2" in printed(BASE, unfinished)
    assert "state" not in printed(BASE)


def test_a_repository_without_commits_has_only_the_workspace():
    assert "workspace" in printed()
