"""The grid of a sweep."""

import re

import pytest
from filelock import FileLock

from src.apps import sweep
from src.apps.sweep import trials
from src.common.errors import PipelineError
from tests.conftest import ROOT


def test_a_grid_has_a_trial_for_each_combination():
    grid = trials(["train.seed=1,2", "model=mlp", "models.cnn.epochs=range(1,4)"], "")
    assert len(grid) == 2 * 1 * 3
    assert ["train.seed=2", "model=mlp", "models.cnn.epochs=3"] in grid.values()


def test_a_trial_has_the_same_name_each_time_and_no_other_has_it():
    names = list(trials(["train.seed=1,2,3"], ""))
    assert len(set(names)) == 3
    assert list(trials(["train.seed=1,2,3"], "")) == names
    assert not set(trials(["train.seed=1,2,3"], "an edit")) & set(names)


def test_a_list_is_one_value():
    assert list(trials(["model=[softmax,cnn]"], "").values()) == [["model=[softmax,cnn]"]]


@pytest.mark.parametrize("change", ["train.seed", "a=[1,", "", "train.seed=interval(0,1)"])
def test_what_is_no_change_is_a_sentence(change):
    with pytest.raises(PipelineError, match="write -S key=value,value"):
        trials([change], "")


@pytest.mark.parametrize("workers", ["0", "-1", "two", "100000"])
def test_a_number_of_workers_that_cannot_be_is_a_sentence(monkeypatch, capsys, workers):
    monkeypatch.setattr("sys.argv", ["sweep", "-S", "train.seed=1", f"--workers={workers}"])
    with pytest.raises(SystemExit, match="2"):
        sweep.main()
    assert f"--workers: '{workers}' is no number from 1 to" in capsys.readouterr().err


@pytest.mark.parametrize("scheduler", ["tcp://127.0.0.1:1", "here", "carrier-pigeon://host:1"])
def test_a_scheduler_that_cannot_be_reached_is_a_sentence(shell, scheduler):
    # Far from any that could have been done in this checkout.
    command = [
        "python",
        "-m",
        "src.apps.sweep",
        "-S",
        "train.seed=987654321",
        "--scheduler",
        scheduler,
    ]
    at_once = {"DASK_DISTRIBUTED__COMM__TIMEOUTS__CONNECT": "1s"}
    told = shell(command, ROOT, fails=True, **at_once).stderr
    assert re.fullmatch(rf"error: no scheduler of Dask at {scheduler} \(.*\); start one .*\n", told)


def test_two_sweeps_in_one_checkout_are_one_too_many(monkeypatch, tmp_path):
    monkeypatch.setattr(sweep, "LOCK", tmp_path / "lock")
    monkeypatch.setattr("sys.argv", ["sweep", "-S", "train.seed=1"])
    with FileLock(tmp_path / "lock"), pytest.raises(PipelineError, match="another sweep runs"):
        sweep.main()
