"""The variants of the ablation, and its table."""

from benchmarks import ablation
from src.config.recipe import load_recipe


def test_every_variant_is_a_valid_recipe_of_its_own():
    recipes = [load_recipe(ablation.variant_recipe(each)) for each in ablation.VARIANTS.values()]
    assert {recipe.epochs for recipe in recipes[: len(ablation.FEATURES)]} == {ablation.EPOCHS}
    assert len({recipe.model_dump_json() for recipe in recipes}) == len(recipes)


def test_a_change_of_a_block_keeps_its_other_values_unless_its_kind_changes():
    recipe = ablation.variant_recipe({"optimizer": {"learning_rate": 0.5}})
    assert recipe["optimizer"]["learning_rate"] == 0.5
    assert recipe["optimizer"]["momentum"] == ablation.variant_recipe({})["optimizer"]["momentum"]
    recipe = ablation.variant_recipe({"optimizer": {"kind": "adam", "learning_rate": 0.5}})
    assert recipe["optimizer"] == {"kind": "adam", "learning_rate": 0.5}
