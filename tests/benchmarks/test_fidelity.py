"""The comparison of original programs and recipes over many seeds."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchmarks import fidelity, seeds
from benchmarks.fidelity_charts import write_chart
from src.config.params import load_params

RECIPES = load_params(Path(__file__).parents[2] / "params.yaml").models


def results(difference: float, count: int = 10) -> pd.DataFrame:
    """Results of two programs whose means differ by ``difference`` standard deviations."""
    random = np.random.default_rng(0)
    rows = [
        ("mlp_dropout", program, seed, "test_accuracy", epoch, random.normal(0.97 + shift, 0.01))
        for program, shift in (("original", 0), ("ours", 0.01 * difference))
        for seed in range(count)
        for epoch in range(1, 11)
    ]
    table = pd.DataFrame(rows, columns=seeds.Row._fields[:6])
    return table.assign(execution="graph, float32", seconds=1.0, definition="")


def test_programs_with_the_same_distribution_do_not_differ():
    values = fidelity.compare(results(0))
    assert values.p.min() > 0.05
    assert values["stddev"].mean() == pytest.approx(0.01, rel=0.1)
    assert (values.degrees_of_freedom == 18).all()


def test_programs_with_other_means_differ():
    values = fidelity.compare(results(4))
    assert values.p.max() < 0.001
    assert ((values.mean_ours - values.mean_original) > 0.02).all()


def test_holm_corrects_for_the_number_of_tests():
    # The example of Wikipedia's page "Holm–Bonferroni method".
    corrected = fidelity.holm(np.array([0.01, 0.04, 0.03, 0.005]))
    np.testing.assert_allclose(corrected, [0.03, 0.06, 0.06, 0.02])


def test_the_place_of_a_published_value_in_a_distribution():
    # With 10 seeds: 2.262, Student's t with 9 degrees of freedom, times √1.1.
    far = 0.9 + 0.01 * 2.2622 * np.sqrt(1.1)
    assert fidelity.position(far, 0.9, 0.01, 10, None) == pytest.approx(0.05, abs=1e-4)
    assert fidelity.position(0.9, 0.9, 0.01, 10, None) == 1
    assert fidelity.position(far, 0.9, 0.01, 10, sample=256) > 0.2  # s of the sample: 0.019


@pytest.mark.parametrize("name", [name for name, recipe in RECIPES.items() if recipe.published])
def test_params_yaml_has_the_measured_spread(name):
    values = fidelity.compare(seeds.load_results())
    for published in RECIPES[name].published:
        in_params = [each.stddev for each in published.values]
        measured = fidelity.spread(values[values.recipe == name], published)
        assert (published.degrees_of_freedom, in_params) == measured


def test_a_chart_shows_bands_and_points(tmp_path):
    write_chart(tmp_path / "chart.png", RECIPES["mlp_dropout"].published[0], results(1))
    assert (tmp_path / "chart.png").stat().st_size > 10_000


def test_the_page_shows_the_measurements_of_each_published_value(monkeypatch):
    monkeypatch.setattr(fidelity, "run_missing", lambda: iter([]))
    monkeypatch.setattr(fidelity, "write_chart", lambda *_: None)
    text = "\n".join(fidelity.measure(1))
    assert text in fidelity.PAGE.read_text("utf-8")
    for recipe in RECIPES.values():
        for published in recipe.published:
            for each in published.values:
                assert f" | {each.value} | " in text
