"""Which folds of a variant are trained, and how variants are compared."""

import pandas as pd

from benchmarks import crossval
from src.config.recipes import load_recipes


def table(**wrong: list[str]) -> pd.DataFrame:
    """A table with these wrong images of each fold."""
    rows = [
        crossval.Row(name, "", fold, 100, 0.1, 60.0, images)
        for name, folds in wrong.items()
        for fold, images in enumerate(folds, start=1)
    ]
    return pd.DataFrame(rows, columns=crossval.Row._fields)


def test_every_variant_is_valid_and_comes_after_what_it_is_like():
    before = {*load_recipes()}
    for name, (parent, recipe) in crossval.variants().items():
        assert parent in before and not recipe.early_stopping
        before.add(name)


def test_two_variants_are_compared_on_the_folds_that_both_have():
    results = table(variant=["1 2 3", "12"], recipe=["3 4", "12 13", "21"])
    assert crossval.disagreements("variant", "recipe", results) == (2, 2, 1.0)
    assert not crossval.is_clearly_worse("variant", "recipe", results)
    assert crossval.disagreements("recipe", "cnn", results) == (0, 0, 1.0)


def test_a_variant_that_is_clearly_worse_after_two_folds_gets_no_others(monkeypatch):
    two = {"recipe": ("cnn", None), "variant": ("recipe", None)}
    monkeypatch.setattr(crossval, "variants", lambda: two)
    folds = [("recipe", fold) for fold in range(1, 6)]
    assert crossval.next_task(set(), table()) == folds[0]
    assert crossval.next_task({*folds[:2]}, table(recipe=["3", ""])) == ("variant", 1)
    first = {*folds[:2], ("variant", 1), ("variant", 2)}
    assert crossval.next_task(first, table(recipe=["3"])) is None
    assert crossval.next_task(first, table(recipe=["3", ""])) == folds[2]
    begun = {*folds, ("variant", 1), ("variant", 2)}
    recipe, better, worse = ["3", "13"], ["", "13"], ["1 2 4 5 6 7 8 9", "13"]
    two_folds = table(recipe=[*recipe, "", "", ""], variant=better)
    assert crossval.next_task(begun, two_folds) == ("variant", 3)
    assert crossval.next_task(begun, table(recipe=recipe, variant=worse)) is None
