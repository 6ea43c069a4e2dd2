"""The rows of the chart of all recipes."""

import pandas as pd
import pytest

from benchmarks import modern
from src.common.errors import PipelineError
from src.common.files import write_json

COMPARISON = pd.DataFrame(
    {"recipe": ["new", "cnn", "mlp_ema"], "parameters": [9, 8, 7], "test_accuracy": [0.9, 0.8, 0.7]}
)
SEEDS = pd.DataFrame({"recipe": ["new"] * 3 + ["cnn"], "seconds": [1.0, 3.0, 8.0, 9.0]})
TIMING = pd.DataFrame({"recipe": ["new", "cnn", "cnn"], "seconds": [50.0, 20.0, 40.0]})
FAMILIES = {"new": "convnet", "cnn": "cnn", "mlp_ema": "mlp"}


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
