"""The variants of the ablation, and its table."""

from benchmarks import ablation
from src.config.recipe import load_recipe


def test_every_variant_is_a_valid_recipe_of_its_own():
    recipes = [load_recipe(ablation.variant_recipe(each)) for each in ablation.VARIANTS.values()]
    assert {recipe.epochs for recipe in recipes[: len(ablation.FEATURES)]} == {ablation.EPOCHS}
    assert len({recipe.model_dump_json() for recipe in recipes}) == len(recipes)
