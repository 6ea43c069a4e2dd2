"""The rows of the chart of all recipes."""

import pandas as pd
import pytest

from benchmarks import modern
from src.common.errors import PipelineError
from src.common.files import write_json
from src.common.tensorflow import keras
from src.training.network import build_model
from tests.fixtures.training import SMALL_RECIPES

COMPARISON = pd.DataFrame(
    {"recipe": ["new", "cnn", "mlp_ema"], "parameters": [9, 8, 7], "test_accuracy": [0.9, 0.8, 0.7]}
)
SEEDS = pd.DataFrame({"recipe": ["new"] * 3 + ["cnn"], "seconds": [1.0, 3.0, 8.0, 9.0]})
TIMING = pd.DataFrame({"recipe": ["new", "cnn", "cnn"], "seconds": [50.0, 20.0, 40.0]})
FAMILIES = {"new": "convnet", "cnn": "cnn", "mlp_ema": "mlp"}

PRODUCTS = {  # calculated from the architectures
    "softmax": 784 * 10,
    "mlp_65x2": 784 * 65 + 65 * 65 + 65 * 10,
    "cnn": 28 * 28 * 9 * 32 + 14 * 14 * 9 * 32 * 64 + 7 * 7 * 9 * 64 * 128 + 2048 * 625 + 625 * 10,
    "tiny_convnet": 28 * 28 * 25 * 4 + 12**2 * 9 * 4 * 6 + 4**2 * 9 * 6 * 8 + 8 * 12 + 12 * 10,
}


def test_a_recipe_has_its_seeds_or_its_only_training():
    spread = {"seeds": [3, None, None], "seeds_mean": [0.95, None, None]}
    spread |= {"seeds_low": [0.94, None, None], "seeds_high": [0.96, None, None]}
    rows = modern.chart_rows(COMPARISON.assign(**spread), SEEDS, TIMING, FAMILIES).set_index(
        "recipe"
    )
    assert rows.group.to_dict() == {"cnn": "tutorials", "mlp_ema": "tutorials", "new": "modern"}
    assert rows.accuracy.to_dict() == {"new": 0.95, "cnn": 0.8, "mlp_ema": 0.7}
    assert rows.seconds.dropna().to_dict() == {"new": 3.0, "cnn": 40.0}
    assert rows.low.dropna().to_dict() == {"new": 0.94}


def test_the_chart_is_written(tmp_path, monkeypatch):
    monkeypatch.setattr(modern, "CHART", tmp_path / "modern.png")
    modern.write_chart()
    assert (tmp_path / "modern.png").stat().st_size > 10_000


def test_results_of_the_tutorials_alone_are_not_enough(tmp_path, monkeypatch):
    monkeypatch.setattr(modern, "TEST", tmp_path / "test.json")
    write_json(tmp_path / "test.json", {"cnn": {}})
    with pytest.raises(PipelineError, match=r"lacks .*cnn_best.*; run `dvc exp run -S model=all`"):
        next(modern.measure(1))


@pytest.mark.parametrize("name", PRODUCTS)
def test_a_recipe_has_the_products_of_its_architecture(name):
    assert modern.multiply_adds(build_model(SMALL_RECIPES[name], 28, 28, 10)) == PRODUCTS[name]


def test_groups_strides_and_padding():
    layers = [
        keras.layers.Conv2D(6, (3, 2), padding="same", groups=2),
        keras.layers.BatchNormalization(),
        keras.layers.Conv2D(5, 2, strides=2),
        keras.layers.Dense(3),  # at each of 3 × 2 positions
    ]
    model = keras.Sequential([keras.Input((6, 5, 4)), *layers])
    assert modern.multiply_adds(model) == 30 * 6 * 2 * 6 + 6 * 4 * 6 * 5 + 6 * 5 * 3
