"""``model`` selects recipes, and ``train`` can replace values of all of them."""

import json

import pytest

from src.common.errors import PipelineError
from src.config.params import load_params
from src.config.plan import make_plans, select, with_replaced
from src.config.recipe import load_recipe
from tests.fixtures.training import RECIPES, TINY_CONVNET

TUTORIALS = ["softmax", "softmax_normal", "mlp_200", "mlp_ema", "cnn"]
MODERN = ["a", "b"]
SOME = {
    # The other order: recipes keep that of the file.
    **dict.fromkeys(MODERN, load_recipe(TINY_CONVNET)),
    **{name: RECIPES[name] for name in TUTORIALS},
}


@pytest.fixture
def params(write_params):
    return lambda **changes: load_params(write_params(changes))


@pytest.mark.parametrize(
    ("model", "selected"),
    [
        ("tutorials", TUTORIALS),
        ("modern", MODERN),
        ("all", [*MODERN, *TUTORIALS]),
        ("convnet", MODERN),
        ("cnn", ["cnn"]),
        ("softmax", ["softmax", "softmax_normal"]),  # the family
        (["cnn", "mlp_200"], ["mlp_200", "cnn"]),
        (["tutorials", "b"], ["b", *TUTORIALS]),
    ],
)
def test_model_selects_recipes(model, selected):
    assert select(model, SOME) == selected


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        ("cnnn", "found 'cnnn': there is no such recipe, family or group (did you mean 'cnn'?);"),
        ("modren", "(did you mean 'modern'?); choose from: tutorials, modern, all, softmax, mlp, "),
        (["cnn", "nope"], "found 'nope': there is no such recipe, family or group; choose from"),
        ("modern", "found 'modern': recipes.yaml has no recipe of it"),
    ],
)
def test_a_model_that_selects_nothing_is_refused(model, expected):
    with pytest.raises(PipelineError) as error:
        select(model, {name: SOME[name] for name in TUTORIALS})
    assert str(error.value).startswith("params.yaml: model: ") and expected in str(error.value)


def test_each_family_has_a_plan(params):
    plans = make_plans(params(model=["mlp_ema", "mlp_200", "cnn"]), RECIPES)
    names = {family: [each["name"] for each in plan["recipes"]] for family, plan in plans.items()}
    assert names == {"softmax": [], "mlp": ["mlp_200", "mlp_ema"], "cnn": ["cnn"], "convnet": []}
    (cnn,) = plans["cnn"]["recipes"]
    assert cnn["keep_epochs"] and cnn["tensorboard"]
    assert load_recipe(cnn["recipe"]) == RECIPES["cnn"].model_copy(update={"keep_epochs": False})
    assert {*cnn["train"]} == {
        *("device", "strategy", "memory_limit", "threads", "compile", "precision"),
        *("class_weights", "seed"),
    }
    assert json.loads(json.dumps(plans)) == plans
    digits = make_plans(params(**{"model": "cnn", "data.dataset": "digits"}), RECIPES)
    assert not digits["cnn"]["recipes"][0]["keep_epochs"]  # no published values by epoch


@pytest.mark.parametrize(
    ("name", "setting", "value", "changes"),
    [
        ("cnn", "epochs", 1, {"epochs": 1}),
        ("mlp_ema", "epochs", 1, {"epochs": 1, "steps": None}),
        ("cnn", "learning_rate", 1, {"optimizer": {"learning_rate": 1.0}}),
    ],
)
def test_train_replaces_values_of_a_recipe(params, name, setting, value, changes):
    replaced = with_replaced(RECIPES[name], params(**{f"train.{setting}": value}).train)
    expected = RECIPES[name].model_dump()
    optimizer = expected["optimizer"] | changes.get("optimizer", {})
    assert replaced.model_dump() == expected | changes | {"optimizer": optimizer}
    assert load_recipe(replaced.model_dump()) == replaced  # valid: the rate is a float
