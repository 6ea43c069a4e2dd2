from benchmarks import sorted_classes
from src.config.recipe import load_recipe


def test_a_stratified_split_of_sorted_images_is_learned(digits, tiny_recipe):
    recipe = load_recipe({**tiny_recipe, "epochs": 5})
    arguments = recipe, digits, digits
    accuracy = sorted_classes.test_accuracy(*arguments, True, "stratified", seed=1)
    assert accuracy > 0.8
    assert accuracy != sorted_classes.test_accuracy(*arguments, False, "stratified", seed=1)
    assert sorted_classes.test_accuracy(*arguments, True, "first", seed=1) < accuracy - 0.1
