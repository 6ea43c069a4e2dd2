"""A training in words."""

from pathlib import Path

import pytest

from src.config.params import load_params
from src.reporting.published import PublishedResult
from src.tracking import describe

RECIPES = load_params(Path(__file__).parents[3] / "params.yaml").models
DATASET = {
    "name": "mnist",
    "requested": "mnist",
    "is_fallback": False,
    "height": 28,
    "width": 28,
    "classes": 10,
    "counts": {"train": 55000, "validation": 5000, "test": 10000},
}
ORIGIN = {"revision": "abc", "changes": [], "edited": False}


def record(name: str) -> dict:
    recipe = RECIPES[name].model_dump(exclude={"published"}, exclude_none=True)
    return {"name": name, "recipe": recipe, "dataset": DATASET}


@pytest.mark.parametrize(
    ("name", "line"),
    [
        (
            "softmax",
            "28 × 28 pixels → 10 classes; sgd, learning rate 0.01; batches of 100, 25 epochs",
        ),
        (
            "mlp_dropout",
            "28 × 28 pixels → 625 relu → 625 relu → 10 classes; dropout 0.2 of inputs, 0.5 of "
            "hidden; rmsprop, learning rate 0.001; batches of 128, 10 epochs",
        ),
        (
            "mlp_ema",
            "28 × 28 pixels → 500 relu → 10 classes; sgd, learning rate 0.8; exponential "
            "schedule; L2 0.0001; weights averaged; batches of 100, 30,000 steps",
        ),
        (
            "cnn",
            "28 × 28 pixels → 3 × 3 convolutions (32, 64, 128) → 625 relu → 10 classes; dropout "
            "0.2 of convolutions, 0.5 of hidden; rmsprop, learning rate 0.001; batches of 128, "
            "10 epochs",
        ),
    ],
)
def test_a_recipe_is_a_line(name, line):
    assert describe.recipe_line(record(name)) == line


@pytest.mark.parametrize("name", RECIPES)
def test_every_recipe_has_a_note(name):
    note = describe.run_note(record(name), ORIGIN, ["Test accuracy 0.9."])
    assert note.startswith(f"**{name}**: 28 × 28 pixels")
    assert "Data: mnist: 55,000 images to train on" in note
    assert note.endswith(
        "Test accuracy 0.9.\n\nTo get it again:\n\n"
        f"    git checkout abc\n    dvc repro train@{name}"
    )


def test_changed_parameters_are_part_of_the_commands():
    origin = ORIGIN | {"changes": ["models.cnn.filters=[1, 2]", "train.seed=3"], "edited": True}
    assert describe.commands("train@cnn", origin) == [
        "git checkout abc",
        "dvc exp run -S 'models.cnn.filters=[1, 2]' -S train.seed=3 train@cnn",
        "# and code that was not committed",
    ]
    assert describe.commands("train@cnn", ORIGIN | {"revision": ""}) == []


def test_results_name_the_interval_and_the_verdict():
    test = {"accuracy": 0.98, "ci_low": 0.97, "ci_high": 0.99}
    one = PublishedResult("a", "test_accuracy", None, 0.95, 0.98, 0.9, 1.0, "reproduced")
    two = PublishedResult("a", "test_accuracy", 2, 0.99, 0.98, 0.985, 1.0, "not reproduced")
    assert describe.result_lines("a", test, []) == [
        "Test accuracy **0.9800** (95% interval 0.9700 to 0.9900)."
    ]
    assert describe.result_lines("a", test, [one])[1] == (
        "Its author printed test_accuracy 0.95: reproduced."
    )
    assert describe.result_lines("a", test, [one, two])[1] == (
        "Its author printed 2 figures, test accuracy 0.99: 1 of 2 reproduced."
    )
