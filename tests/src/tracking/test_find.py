"""From a DVC experiment to its runs, and back."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.trainings import log_evaluation, log_training, runs_of

ROOT = Path(__file__).parents[3]


@pytest.fixture
def find(checkout):
    def run(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "src.tracking.find", *words],
            env=os.environ | {"PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
        )

    return run


def test_an_experiment_and_a_run_are_found_by_each_other(client, folder, find, monkeypatch):
    monkeypatch.setenv("DVC_EXP_NAME", "bold-move")
    log_training(folder)
    log_evaluation(folder, {"test_accuracy": 0.9132})
    run_id = runs_of(client)[0].info.run_id
    for what, search in {
        "bold-move": "tags.dvc_exp = 'bold-move'",
        "cnn": "tags.recipe = 'cnn'",
        run_id: f"attributes.run_id LIKE '{run_id}%'",
        run_id[:8]: f"attributes.run_id LIKE '{run_id[:8]}%'",
    }.items():
        told = find(what)
        assert told.stdout.endswith(f"the search  {search}\n")
        assert told.returncode == 0, told.stderr
        for word in (run_id, "cnn", "finished", "0.9000", "0.9132", "bold-move"):
            assert word in told.stdout


def test_what_is_not_there_is_a_sentence(client, find):
    for words, sentence in (((), "error: name a DVC experiment"), (("none",), "is of 'none'")):
        told = find(*words)
        assert told.returncode == 1
        (line,) = told.stderr.splitlines()
        assert sentence in line
