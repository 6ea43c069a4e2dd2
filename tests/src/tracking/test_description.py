"""The description of a training."""

import pytest

from src.tracking import description
from tests.fixtures.training import RECIPES
from tests.fixtures.trainings import ENVIRONMENT

ORIGIN = {"revision": "abc", "changes": [], "edited": False}


@pytest.mark.parametrize("name", RECIPES)
def test_every_recipe_has_a_note_and_all_parameters(untrained, name):
    note = description.run_note(untrained(name), ORIGIN)
    assert note.startswith(f"**{name}**: 28 × 28 pixels")
    assert "Data: mnist: 55,000 training images, 5,000 validation images." in note
    stage = f"train@{RECIPES[name].family}"
    assert note.endswith(f"To reproduce:\n\n    git checkout abc\n    dvc repro {stage}")
    parameters = description.parameters(untrained(name) | {"parameters": 7850})
    assert parameters["family"] == RECIPES[name].family
    assert parameters["parameters"] == "7850" and "train.seed" in parameters
    assert all(isinstance(value, str) for value in parameters.values())


def test_a_recipe_is_one_line(untrained):
    assert description.recipe_line(untrained("mlp_ema")) == (
        "28 × 28 pixels → 500 relu → 10 classes; sgd, learning rate 0.8; batches of 100, "
        "30,000 steps"
    )
    layers = "28 × 28 pixels → 3 × 3 convolutions (32, 64, 128) → 625 relu → 10 classes; rmsprop"
    assert description.recipe_line(untrained("cnn")).startswith(layers)


def test_changed_parameters_are_part_of_the_commands():
    changes = ["train.seed=3", "recipes.yaml:cnn.filters=[1, 2]"]
    assert description.commands("train@cnn", ORIGIN | {"changes": changes, "edited": True}) == [
        "git checkout abc",
        "dvc exp run -S train.seed=3 -S 'recipes.yaml:cnn.filters=[1, 2]' train@cnn",
        "# the result also depends on changes that were not committed",
    ]
    assert description.commands("train@cnn", ORIGIN | {"revision": ""}) == []


def test_very_many_changes_fit_into_the_limits_of_mlflow(untrained):
    changes = [f"recipes.yaml:cnn.key{n}={n}" for n in range(1000)]
    origin = {"experiment": None, "user": "me"}
    note = {"environment": ENVIRONMENT, "origin": ORIGIN | origin | {"changes": changes}}
    tags = description.run_tags(untrained("cnn") | {"recipe_sha256": "ab"}, note)
    assert "changes" not in tags and tags["edited"] == "true"
    text = description.run_note(untrained("cnn"), note["origin"])
    assert len(text) <= description.MAX_TAG and "git checkout abc" in text


def test_results_are_the_interval_and_warnings():
    test = {"accuracy": 0.98, "ci_low": 0.97, "ci_high": 0.99, "warnings": ["few images"]}
    assert description.result_lines(test) == [
        "Test accuracy **0.9800** (95% interval 0.9700 to 0.9900).",
        "Warning: few images.",
    ]
