"""Trainings with many seeds, which can be interrupted."""

from concurrent.futures import ThreadPoolExecutor

import pandas as pd
import pytest

from benchmarks import seeds


@pytest.fixture
def table(tmp_path, monkeypatch):
    """A table in a temporary folder, and trainings that take no time."""

    def train(training: seeds.Training) -> list[seeds.Row]:
        identity = "xla, float32", 1.0, seeds.definition(training.recipe, training.program)
        return [seeds.Row(*training, "test_accuracy", None, 0.9, *identity)]

    monkeypatch.setattr(
        seeds, "ProcessPoolExecutor", lambda workers, _: ThreadPoolExecutor(workers)
    )
    monkeypatch.setattr(seeds, "run_training", train)
    monkeypatch.setattr(seeds, "TABLE", tmp_path / "fidelity.csv")
    return tmp_path / "fidelity.csv"


def test_an_interrupted_experiment_resumes(table):
    progress = seeds.run_missing()
    next(progress), next(progress)
    progress.close()
    finished = len(pd.read_csv(table))
    assert finished >= 2
    assert len(list(seeds.run_missing())) == len(seeds.wanted_trainings()) - finished
    assert len(pd.read_csv(table)) == len(seeds.wanted_trainings())
    assert list(seeds.run_missing()) == []


def test_a_changed_recipe_is_trained_again(table, monkeypatch):
    list(seeds.run_missing())
    original = seeds.definition
    monkeypatch.setattr(
        seeds, "definition", lambda *key: "new" if key == ("cnn", "ours") else original(*key)
    )
    assert len(list(seeds.run_missing())) == seeds.SEEDS["cnn"]
