"""A sweep: messages about wrong options, the trials that are missing, and the scheduler."""

import re
import subprocess
from pathlib import Path

import pytest
from filelock import FileLock
from rich.console import Console

from src.apps import sweep
from src.common.errors import PipelineError

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize("workers", ["0", "-1", "two", "100000"])
def test_an_invalid_number_of_workers_gives_a_message(monkeypatch, capsys, workers):
    monkeypatch.setattr("sys.argv", ["sweep", "-S", "train.seed=1", f"--workers={workers}"])
    with pytest.raises(SystemExit, match="2"):
        sweep.main()
    assert f"--workers: '{workers}' is not a number from 1 to" in capsys.readouterr().err


@pytest.mark.parametrize("scheduler", ["tcp://127.0.0.1:1", "here", "carrier-pigeon://host:1"])
def test_an_unreachable_scheduler_gives_a_message(shell, scheduler):
    # A seed that no experiment in this checkout uses.
    command = ["python", "-m", "src.apps.sweep", "-S", "train.seed=987654321"]
    command += ["--scheduler", scheduler]
    at_once = {"DASK_DISTRIBUTED__COMM__TIMEOUTS__CONNECT": "1s"}
    error = shell(command, ROOT, fails=True, **at_once).stderr
    assert re.fullmatch(rf"error: no Dask scheduler at {scheduler} \(.*\); start one .*\n", error)


def test_only_one_sweep_runs_in_a_checkout(monkeypatch, tmp_path):
    monkeypatch.setattr(sweep, "LOCK", tmp_path / "lock")
    monkeypatch.setattr("sys.argv", ["sweep", "-S", "train.seed=1"])
    with (
        FileLock(tmp_path / "lock"),
        pytest.raises(PipelineError, match="another sweep is running"),
    ):
        sweep.main()


def test_a_trial_has_a_new_name_after_the_data_changed(monkeypatch, capsys):
    versions, ran = ["one", "one", "two"], []
    experiments: set[str] = set()
    ready = subprocess.CompletedProcess([], 0)
    monkeypatch.setattr(sweep.subprocess, "run", lambda command: ran.append(command) or ready)
    monkeypatch.setattr(sweep, "data_version", lambda: versions[len(ran) - 1])
    monkeypatch.setattr(sweep, "edits", str)
    monkeypatch.setattr(sweep, "done_before", lambda: experiments)
    for expected in (2, 0, 2):
        left = sweep._missing([["train.seed=1"], ["train.seed=2"]], Console())
        assert len(left) == expected
        experiments |= left.keys()
        assert f"2 trials, {2 - expected} of them already done" in capsys.readouterr().out
    assert ran == [["dvc", "repro", "--quiet", "preprocess", "plan"]] * 3
