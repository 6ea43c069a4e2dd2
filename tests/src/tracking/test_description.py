"""The description of a training."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from src.config.params import load_params
from src.tracking import description

RECIPES = load_params(Path(__file__).parents[3] / "params.yaml").models
ORIGIN = {"revision": "abc", "changes": [], "edited": False}


@pytest.mark.parametrize("name", RECIPES)
def test_every_recipe_has_a_note(untrained, name):
    note = description.run_note(untrained(name), ORIGIN, ["Test accuracy 0.9."])
    assert note.startswith(f"Test accuracy 0.9.\n\n**{name}**: 28 × 28 pixels")
    assert "Data: mnist: 55,000 training images, 5,000 validation images." in note
    assert note.endswith(f"To reproduce:\n\n    git checkout abc\n    dvc repro train@{name}")


def test_changed_parameters_are_part_of_the_commands():
    origin = ORIGIN | {"changes": ["models.cnn.filters=[1, 2]", "train.seed=3"], "edited": True}
    assert description.commands("train@cnn", origin) == [
        "git checkout abc",
        "dvc exp run -S 'models.cnn.filters=[1, 2]' -S train.seed=3 train@cnn",
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
        SimpleNamespace(
            recipe="a", metric="test_accuracy", published=0.99, verdict="not reproduced"
        ),
        SimpleNamespace(recipe="b", metric="loss", published=0.2, verdict="not reproduced"),
    ]
    assert description.result_lines("a", test, published) == [
        "Test accuracy **0.9800** (95% interval 0.9700 to 0.9900).",
        "Published values (last test accuracy: 0.99): 2 of 3 reproduced.",
    ]
    assert description.result_lines("b", test, published)[1:] == [
        "Published values: 0 of 1 reproduced."
    ]
    assert len(description.result_lines("c", test, published)) == 1
