"""The comparison of original programs and recipes over many seeds."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchmarks import fidelity, seeds
from src.config.published_values import load_published

PUBLISHED = load_published(Path(__file__).parents[2] / "published.yaml")


def results(difference: float) -> pd.DataFrame:
    """Results of two programs whose means differ by ``difference`` standard deviations."""
    random = np.random.default_rng(0)
    rows = [
        (*training, "test_accuracy", epoch, random.normal(0.97 + shift, 0.01))
        for training in seeds.wanted_trainings()
        for shift in [0.01 * difference * (training.program == "ours")]
        for epoch in range(1, 11)
    ]
    table = pd.DataFrame(rows, columns=seeds.Row._fields[:6])
    return table.assign(execution="graph, float32", seconds=1.0, definition="")


@pytest.fixture
def measured() -> pd.DataFrame:
    table = seeds.load_results()
    if len(table.drop_duplicates(["recipe", "program", "seed"])) < len(seeds.wanted_trainings()):
        pytest.skip("a recipe or a program was changed; run `python -m benchmarks.run fidelity`")
    return table


def test_programs_with_the_same_distribution_do_not_differ():
    values = fidelity.compare(results(0))
    assert values.p.min() > 0.05
    assert values["stddev"].mean() == pytest.approx(0.01, rel=0.1)
    degrees_of_freedom = values.groupby("recipe").degrees_of_freedom.first()
    assert degrees_of_freedom.mlp_dropout == 18  # 10 + 10 seeds
    assert degrees_of_freedom.cnn == 2 * seeds.SEEDS["cnn"] - 2
    contains_0 = (values.difference_low < 0) & (values.difference_high > 0)
    assert 0.9 < contains_0.mean() < 1  # 95%


def test_holm_corrects_for_the_number_of_tests():
    # The example of Wikipedia's page "Holm–Bonferroni method".
    corrected = fidelity.holm(np.array([0.01, 0.04, 0.03, 0.005]))
    np.testing.assert_allclose(corrected, [0.03, 0.06, 0.06, 0.02])


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_yaml_has_the_measured_spread(name, measured):
    values = fidelity.compare(measured)
    for published in PUBLISHED[name].metrics():
        in_file = list(published.stddev.values())
        spread = fidelity.spread(values[values.recipe == name], published)
        assert (published.degrees_of_freedom, in_file) == spread


def test_the_page_shows_the_measurements_of_each_recipe(monkeypatch, measured):
    monkeypatch.setattr(fidelity, "run_missing", lambda: iter([]))
    monkeypatch.setattr(fidelity, "write_chart", lambda *_: None)
    text = "\n".join(fidelity.measure(1))
    assert text in fidelity.PAGE.read_text("utf-8")
    assert all(f"\n|{recipe}|" in text for recipe in PUBLISHED)
