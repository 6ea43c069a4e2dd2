"""Recipes can be ``like`` others; each mistake in recipes.yaml is reported with its path."""

from pathlib import Path

import pytest
import yaml

from src.common.errors import PipelineError
from src.config.recipes import load_recipes, tutorials
from tests.fixtures.training import RECIPES, TINY_CONVNET

ROOT = Path(__file__).parents[3]
CNN = RECIPES["cnn"]


@pytest.fixture
def load(tmp_path):
    """Return the recipes of the file with other ones added."""

    def load(**added):
        text = (ROOT / "recipes.yaml").read_text() + yaml.safe_dump(added, sort_keys=False)
        (tmp_path / "recipes.yaml").write_text(text)
        return load_recipes(tmp_path / "recipes.yaml")

    return load


@pytest.fixture
def refused(load):
    """Return the lines about recipes that are added."""

    def refused(**added) -> list[str]:
        with pytest.raises(PipelineError) as error:
            load(**added)
        return str(error.value).splitlines()[1:]

    return refused


def test_the_recipes_of_the_project():
    assert list(RECIPES)[:2] == ["softmax", "softmax_normal"]
    assert {each.family for each in tutorials(RECIPES).values()} == {"softmax", "mlp", "cnn"}
    assert RECIPES.keys() - tutorials(RECIPES) == {
        *("lenet5", "cnn_quick", "cnn_tiny", "cnn_best", "cnn_robust", "own_images")
    }


def test_a_recipe_like_another_has_its_other_keys(load):
    recipes = load(
        first={"like": "second", "dropout": {"hidden": 0.3}, "hidden": [10]},
        second={"like": "cnn", "optimizer": {"learning_rate": 0.1}, "kernel": 5},
    )
    changed = {"optimizer": {**CNN.optimizer.model_dump(), "learning_rate": 0.1}, "kernel": 5}
    second = CNN.model_validate(CNN.model_dump() | changed)
    assert recipes["second"] == second
    changed = {"dropout": {"convolutions": 0.2, "hidden": 0.3}, "hidden": [10]}
    assert recipes["first"] == CNN.model_validate(second.model_dump() | changed)
    assert recipes["cnn"] == CNN


def test_another_kind_replaces_the_block(load):
    tiny = {"like": "cnn", "optimizer": {"kind": "sgd", "learning_rate": 1.0}}
    assert load(tiny=tiny)["tiny"].optimizer.model_dump() == {
        **{"kind": "sgd", "learning_rate": 1.0, "momentum": 0.0, "nesterov": False},
        "weight_decay": 0.0,
    }
    kept = load(tiny={"like": "cnn", "optimizer": {"kind": "rmsprop", "rho": 0.8}})["tiny"]
    assert (kept.optimizer.rho, kept.optimizer.initial_accumulator) == (0.8, 1.0)


@pytest.mark.parametrize(
    ("parent", "own", "expected"),
    [
        ("cnn", {"steps": 5}, (None, 5)),
        ("mlp_ema", {"epochs": 5}, (5, None)),
        ("mlp_ema", {"hidden": [5]}, (None, 30000)),
    ],
)
def test_epochs_replace_steps(load, parent, own, expected):
    recipe = load(tiny={"like": parent, **own})["tiny"]
    assert (recipe.epochs, recipe.steps) == expected


@pytest.mark.parametrize(
    ("added", "expected"),
    [
        ({"a": {"like": "cnnn"}}, "a.like: found 'cnnn': there is no such recipe (did you mean 'c"),
        ({"a": {"like": "a"}}, "a.like: found 'a': is like itself"),
        ({"a": {"like": ["cnn"]}}, "a.like: found ['cnn']: there is no such recipe"),
    ],
)
def test_a_recipe_that_is_like_no_other_is_a_mistake(refused, added, expected):
    (line,) = refused(**added)
    assert line.startswith(f"  {expected}")


def test_mistakes_are_reported_only_where_they_are(refused):
    (line,) = refused(b={"like": "cnn", "epochs": -1}, a={"like": "b"}, c={"like": "a"})
    assert line.startswith("  b.epochs: found -1: ")
    assert refused(a={"like": "b"}, b={"like": "a"}) == ["  b.like: found 'a': is like itself"]


@pytest.mark.parametrize(
    ("path", "value", "expected"),
    [
        ("cnn.epoch", 3, "cnn.epoch: unknown key (did you mean 'epochs'?)"),
        ("softmax.hidden", [3], "softmax.hidden: unknown key"),
        ("cnn.epochs", -1, "cnn.epochs: found -1: Input should be greater than or equal to 1"),
        ("cnn.family", "cnm", "(did you mean 'cnn'?)"),
        ("cnn.optimizer.kind", "adan", "(did you mean 'adam'?)"),
        ("cnn.optimizer.learning_rate", "1 %", "found '1 %': Input should be a valid number"),
        ("mlp_65x2.hidden", [65, "x"], "mlp_65x2.hidden[1]: found 'x': Input should be a valid"),
        ("cnn.steps", 10, "cnn: give either epochs or steps (both are given"),
        ("cnn.epochs", None, "cnn: give either epochs or steps (neither is given"),
        ("cnn", None, "cnn: found None: Input should be a valid dictionary"),
        ("c" * 101, TINY_CONVNET, "a name has small letters, digits and _, at most 100, and start"),
        ("modern", TINY_CONVNET, "modern: rename this recipe; `model: modern` selects all recipe"),
        ("mlp", TINY_CONVNET, "mlp: rename this recipe; `model: mlp` selects the family mlp"),
    ],
)
def test_a_mistake_is_reported_with_its_path(mistakes, path, value, expected):
    head, line = mistakes({f"models.{path}": value}).splitlines()
    assert head.endswith("recipes.yaml has a mistake:")
    assert line.startswith(f"  {path.split('.')[0]}") and expected in line


def test_a_file_without_recipes_is_refused(mistakes):
    assert mistakes({"models": {}}).endswith("has a mistake:\n  there is no recipe")
