"""What the fingerprints of a recipe and of a training depend on."""

import pytest

from src.config.recipe import fingerprint, training_fingerprint

SETTINGS = {"device": "auto", "strategy": "single", "memory_limit": "auto", "threads": "auto"}
SETTINGS |= {"compile": "auto", "precision": "auto", "seed": 1}


def test_a_fingerprint_is_of_what_a_recipe_computes(change_recipe):
    cnn = fingerprint(change_recipe("cnn"))
    assert fingerprint(change_recipe("cnn", keep_epochs=False, label_smoothing=0.0)) == cnn
    assert fingerprint(change_recipe("cnn", epochs=11)) != cnn


def test_the_seed_and_a_default_change_nothing(tiny_recipe):
    expected = training_fingerprint(tiny_recipe, SETTINGS, "ab")
    same = SETTINGS | {"seed": 2, "threads": 1, "memory_limit": 2.0, "tensorboard": True}
    assert training_fingerprint(tiny_recipe, same, "ab") == expected
    with_default = tiny_recipe | {"shuffle": True, "l2": 0, "keep_epochs": True}
    assert training_fingerprint(with_default, SETTINGS, "ab") == expected


@pytest.mark.parametrize(
    ("recipe", "settings", "digest"),
    [
        ({"epochs": 3}, {}, "ab"),
        ({"weights": {"kind": "zeros"}}, {}, "ab"),
        ({}, {"precision": "bfloat16"}, "ab"),
        ({}, {"a setting of the future": 1}, "ab"),
        ({}, {}, "cd"),
    ],
)
def test_all_else_changes_it(tiny_recipe, recipe, settings, digest):
    changed = training_fingerprint(tiny_recipe | recipe, SETTINGS | settings, digest)
    assert changed != training_fingerprint(tiny_recipe, SETTINGS, "ab")
