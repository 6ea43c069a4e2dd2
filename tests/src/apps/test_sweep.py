"""The trials of a sweep and the messages about wrong options."""

import re
from pathlib import Path

import pytest
from filelock import FileLock

from src.apps import sweep
from src.apps.sweep import trials
from src.common.errors import PipelineError

ROOT = Path(__file__).parents[3]


def test_a_grid_has_a_trial_for_each_combination():
    grid = trials(["train.seed=1,2", "model=mlp", "models.cnn.epochs=range(1,4)"], "")
    assert len(grid) == 2 * 1 * 3
    assert ["train.seed=2", "model=mlp", "models.cnn.epochs=3"] in grid.values()


def test_a_trial_always_has_the_same_unique_name():
    names = list(trials(["train.seed=1,2,3"], ""))
    assert len(set(names)) == 3
    assert list(trials(["train.seed=1,2,3"], "")) == names
    assert not set(trials(["train.seed=1,2,3"], "an edit")) & set(names)


def test_a_list_is_one_value():
    assert list(trials(["model=[softmax,cnn]"], "").values()) == [["model=[softmax,cnn]"]]


@pytest.mark.parametrize("change", ["train.seed", "a=[1,", "", "train.seed=interval(0,1)"])
def test_an_invalid_change_gives_a_message(change):
    with pytest.raises(PipelineError, match="write -S key=value,value"):
        trials([change], "")


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
