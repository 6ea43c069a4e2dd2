"""The command that finds runs."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

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


def test_runs_are_found_by_experiment_recipe_and_id(
    client, folder, find, log_training, log_results, make_evaluation, runs_of, monkeypatch
):
    monkeypatch.setenv("DVC_EXP_NAME", "bold-move")
    log_training(folder)
    make_evaluation({"cnn": 0.9132})
    log_results()
    run_id = runs_of(client)[0].info.run_id
    for what, search in {
        "bold-move": "tags.dvc_exp = 'bold-move'",
        "cnn": "tags.recipe = 'cnn'",
        run_id: f"attributes.run_id LIKE '{run_id}%'",
        run_id[:8]: f"attributes.run_id LIKE '{run_id[:8]}%'",
    }.items():
        done = find(what)
        assert done.stdout.endswith(f"Search for these runs in the UI: {search}\n")
        assert done.returncode == 0, done.stderr
        for word in (run_id, "cnn", "finished", "0.9000", "0.9132", "bold-move"):
            assert word in done.stdout


def test_what_is_not_found_is_one_sentence(client, find):
    for words, sentence in (
        ((), "error: name a DVC experiment"),
        (("none",), "commit or run 'none'"),
    ):
        done = find(*words)
        assert done.returncode == 1
        (line,) = done.stderr.splitlines()
        assert sentence in line
