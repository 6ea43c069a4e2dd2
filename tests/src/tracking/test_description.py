"""The description of a training."""

from types import SimpleNamespace

import pytest

from src.tracking import description
from tests.fixtures.training import RECIPES

ORIGIN = {"revision": "abc", "changes": [], "edited": False}


@pytest.mark.parametrize("name", RECIPES)
def test_every_recipe_has_a_note(untrained, name):
    note = description.run_note(untrained(name), ORIGIN, ["Test accuracy 0.9."])
    assert note.startswith(f"Test accuracy 0.9.\n\n**{name}**: 28 × 28 pixels")
    assert "Data: mnist: 55,000 training images, 5,000 validation images." in note
    stage = f"train@{RECIPES[name].family}"
    assert note.endswith(f"To reproduce:\n\n    git checkout abc\n    dvc repro {stage}")


def test_changed_parameters_are_part_of_the_commands():
    origin = ORIGIN | {
        "changes": ["train.seed=3", "recipes.yaml:cnn.filters=[1, 2]"],
        "edited": True,
    }
    assert description.commands("train@cnn", origin) == [
        "git checkout abc",
        "dvc exp run -S train.seed=3 -S 'recipes.yaml:cnn.filters=[1, 2]' train@cnn",
        "# the result also depends on changes that were not committed",
    ]
    assert description.commands("train@cnn", origin | {"patch": "diff …"}) == [
        "git checkout abc",
        "git apply code.patch  # from the artifacts of this run",
        "dvc repro train@cnn",
    ]
    assert description.commands("train@cnn", ORIGIN | {"revision": ""}) == []


def test_results_are_the_interval_and_the_reproduced_values():
    test = {"accuracy": 0.98, "ci_low": 0.97, "ci_high": 0.99}
    published = [
        SimpleNamespace(recipe="a", metric="loss", published=0.3, verdict="reproduced"),
        SimpleNamespace(recipe="a", metric="test_accuracy", published=0.95, verdict="reproduced"),
        SimpleNamespace(recipe="a", metric="test_accuracy", published=0.99, verdict="below"),
        SimpleNamespace(recipe="b", metric="loss", published=0.2, verdict="above"),
        SimpleNamespace(recipe="d", metric="loss", published=0.2, verdict="not comparable"),
    ]
    assert description.result_lines("a", test, published) == [
        "Test accuracy **0.9800** (95% interval 0.9700 to 0.9900).",
        "Published values (last test accuracy: 0.99): 2 of 3 reproduced.",
    ]
    assert description.result_lines("b", test, published)[1:] == [
        "Published values: 0 of 1 reproduced."
    ]
    assert len(description.result_lines("c", test, published)) == 1
    assert description.result_lines("d", test, published)[1:] == [
        "Not trained as published: the published values are not comparable."
    ]
