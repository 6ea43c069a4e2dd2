"""The variants of the ablation, and its table."""

import numpy as np
import pandas as pd
import pytest

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


@pytest.fixture
def results(monkeypatch, tmp_path):
    """A table with all results; each variant has one error more than the one before it."""
    monkeypatch.setattr(ablation, "TABLE", tmp_path / "ablation.csv")
    images = 200
    monkeypatch.setattr(ablation, "load_split", lambda *_: (None, np.zeros(images)))
    rows = [
        {
            **{"variant": variant, "definition": ablation._definition(changes), "seed": seed},
            **{
                "epochs": 1 + number,
                "val_accuracy": 1 - (number + seed) / images,
                "val_loss": 0.1 * number + seed,
            },
        }
        for number, (variant, changes) in enumerate(ablation.VARIANTS.items())
        for seed in range(1, ablation.SEEDS + 1)
    ]
    table = pd.DataFrame(rows)
    table.to_csv(ablation.TABLE, index=False)
    return table


def test_the_table_has_the_errors_of_each_variant(results):
    introduction, *rows = ablation.measure(1)
    assert "cnn_best" in introduction
    assert len(rows) == len(ablation.VARIANTS)
    mean = sum(range(1, ablation.SEEDS + 1)) / ablation.SEEDS
    assert rows[0].startswith(f"| the recipe | 1 | {mean:.1f} ± ")
    assert rows[1].startswith(f"| no augmentation | 2 | {mean + 1:.1f} ± ")
    baselines = [row.split(" | ")[0] for row in rows if row.endswith(" | – |")]
    assert baselines == ["| the recipe", "| the recipe, complete"]
