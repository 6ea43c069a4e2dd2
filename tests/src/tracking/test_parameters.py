"""Parameters have the names of Keras, also those with default values."""

import pytest

from src.tracking.parameters import parameters
from tests.fixtures.training import RECIPES


def logged(name: str) -> dict[str, str]:
    recipe = RECIPES[name].model_dump(exclude={"keep_epochs"}, exclude_none=True)
    return parameters({"recipe": recipe, "train": {"seed": 1}, "parameters": 7850})


@pytest.mark.parametrize(
    ("recipe", "expected"),
    [
        ("softmax", {"optimizer": "sgd", "momentum": "0.0", "nesterov": "false", "epochs": "25"}),
        (
            "mlp_200",
            {"optimizer": "adam", "beta_1": "0.9", "beta_2": "0.999", "batch_size": "1000"},
        ),
        ("cnn", {"optimizer": "rmsprop", "rho": "0.9", "kernel_size": "3", "pool_size": "2"}),
        ("mlp_ema", {"schedule": "exponential", "decay_rate": "0.999", "learning_rate": "0.8"}),
        ("softmax_normal", {"kernel_initializer": "normal", "kernel_initializer.stddev": "1.0"}),
        ("softmax", {"bias_initializer": "zeros", "train.seed": "1", "parameters": "7850"}),
    ],
)
def test_a_user_of_keras_finds_them(recipe, expected):
    assert expected.items() <= logged(recipe).items()


@pytest.mark.parametrize("name", RECIPES)
def test_none_is_lost_by_another_name(name):
    recipe = RECIPES[name].model_dump(exclude={"keep_epochs"}, exclude_none=True)
    blocks = [value for value in recipe.values() if isinstance(value, dict)]
    count = len(recipe) - len(blocks) + sum(map(len, blocks))
    assert len(logged(name)) == count + 2
