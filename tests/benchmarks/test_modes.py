from pathlib import Path

import pytest

from benchmarks import modes
from src.config.recipes import load_recipes

RECIPES = load_recipes(Path(__file__).parents[2] / "recipes.yaml")


@pytest.mark.parametrize("mode", modes.MODES)
def test_each_mode_runs_about_as_many_steps_as_fit_into_the_time(digits, monkeypatch, mode):
    recipe = RECIPES["mlp_65x2"]
    run, count = modes.steps_of(recipe, digits, mode)
    assert run() > 0  # the sum of the losses
    monkeypatch.setattr(modes, "SECONDS", 0)
    run, least = modes.steps_of(recipe, digits, mode)
    assert least == 1 <= count <= len(digits[1]) // recipe.batch_size
