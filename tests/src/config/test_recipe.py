"""What the fingerprint of a recipe and the key of its results depend on."""

import pytest

from src.config.recipe import EarlyStopping, fingerprint, results_key

SETTINGS = {"device": "auto", "strategy": "single", "memory_limit": "auto", "threads": "auto"}
SETTINGS |= {"compile": "auto", "precision": "auto", "seed": 1}


def test_a_fingerprint_is_of_what_a_recipe_computes(change_recipe):
    cnn = fingerprint(change_recipe("cnn"))
    assert fingerprint(change_recipe("cnn", keep_epochs=False, label_smoothing=0.0)) == cnn
    assert fingerprint(change_recipe("cnn", epochs=11)) != cnn


@pytest.fixture
def key(tiny_recipe):
    """The key of the results of a training with these changes."""

    def key_with(recipe=(), settings=(), data=(), code="ef", test="gh") -> str:
        config = {
            "recipe": tiny_recipe | dict(recipe),
            "train": SETTINGS | dict(settings),
            "dataset": {"digest": "ab", "classes": 10, "name": "own"} | dict(data),
            "code": code,
        }
        return results_key(config, test)

    return key_with


def test_the_seed_a_default_and_the_name_of_the_data_change_nothing(key):
    same = {"seed": 2, "threads": 1, "memory_limit": 2.0, "tensorboard": True}
    defaults = {"shuffle": True, "l2": 0, "keep_epochs": True}
    assert key(defaults, same, {"name": "other"}) == key()


@pytest.mark.parametrize(
    "changes",
    [
        {"recipe": {"epochs": 3}},
        {"recipe": {"weights": {"kind": "zeros"}}},
        {"settings": {"precision": "bfloat16"}},
        {"settings": {"a setting of the future": 1}},
        {"data": {"digest": "other"}},
        {"data": {"classes": 11}},
        {"code": "other"},
        {"test": "other"},
    ],
)
def test_all_else_changes_it(key, changes):
    assert key(**changes) != key()


@pytest.mark.parametrize(("monitor", "best"), [("val_loss", 1), ("val_accuracy", 3)])
def test_of_rows_with_the_best_accuracy_that_with_the_lowest_loss_is_best(monitor, best):
    values = [(0.9, 0.4), (0.8, 0.1), (1.0, 0.3), (1.0, 0.2), (1.0, 0.2), (0.9, 0.1)]
    history = [{"val_accuracy": each, "val_loss": loss} for each, loss in values]
    stopping = EarlyStopping(monitor=monitor, patience=1, restore_best=True)
    assert stopping.best_row(history) == best
