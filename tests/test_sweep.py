"""A sweep: its trials and their names, messages about wrong options, and the scheduler."""

import os
import re
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import yaml
from distributed import LocalCluster

from examples import sweep
from examples.sweep import combinations

DVC = """#!/bin/sh
if [ "$1" = exp ]; then cat experiments; else echo "$*" >> calls; fi
"""


def test_a_grid_has_a_trial_for_each_combination_and_a_list_is_one_value():
    grid = combinations(["train.seed=1,2", "model=[mlp,cnn]", "recipes.yaml:cnn.epochs=range(1,4)"])
    assert len(grid) == 2 * 1 * 3
    parameters = ["params.yaml:train.seed=2", "params.yaml:model=[mlp,cnn]"]
    assert [*parameters, "recipes.yaml:cnn.epochs=3"] in grid


@pytest.mark.parametrize(
    "change", ["train.seed", "a=[1,", "", "recipes.yaml:a", "train.seed=interval(0,1)"]
)
def test_an_invalid_change_gives_a_message(change):
    with pytest.raises(SystemExit, match=r"^error: -S: .*; write -S key=value,value"):
        combinations([change])


@pytest.fixture
def checkout(tmp_path, monkeypatch, shell):
    """A repository with two user's files, and a ``dvc`` that knows the experiments in a file."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", f"{tmp_path}:{Path(sys.executable).parent}:/usr/bin:/bin")
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    (tmp_path / "dvc").write_text(DVC)
    (tmp_path / "dvc").chmod(0o755)
    (tmp_path / "data/incoming/folder").mkdir(parents=True)
    (tmp_path / "data/incoming/a b.npz").touch()
    (tmp_path / "params.yaml").write_text("seed: 1\n")
    (tmp_path / "models.py").touch()
    (tmp_path / "experiments").touch()
    shell(["git", "init", "-q"], tmp_path)
    shell(["git", "add", "params.yaml", "models.py"], tmp_path)
    shell(["git", "commit", "-qm", "Parameters"], tmp_path)
    write_state(tmp_path, "a", "b")
    return tmp_path


def write_state(checkout: Path, processed: str, incoming: str) -> None:
    download = {"deps": [{"path": "data/incoming", "md5": incoming}]}
    preprocess = {"outs": [{"path": "data/processed/training", "md5": processed}]}
    lock = {"stages": {"download": download, "preprocess": preprocess}}
    (checkout / "dvc.lock").write_text(yaml.safe_dump(lock))


def test_trials_are_done_once_until_data_or_parameters_change(checkout, capsys):
    grid = [["train.seed=1"], ["train.seed=2"]]
    changes = (
        lambda: None,
        lambda: write_state(checkout, "c", "b"),
        lambda: write_state(checkout, "c", "d"),
        lambda: (checkout / "params.yaml").write_text("seed: 2\n"),
        lambda: (checkout / "models.py").write_text("# in a copy, code can be anywhere\n"),
    )
    for change in changes:
        change()
        left = sweep.missing_trials(grid)
        assert len(left) == 2
        with (checkout / "experiments").open("a") as file:
            file.writelines(f"{name}\n" for name in left)
        assert sweep.missing_trials(grid) == {}
        assert "2 trials, 2 of them already done" in capsys.readouterr().out
    assert "repro --quiet preprocess plan" in (checkout / "calls").read_text()


def test_a_trial_is_an_experiment_with_the_files_of_the_user(checkout):
    left = {"sweep-1": ["train.seed=1"]}
    (checkout / "dvc").write_text('#!/bin/sh\necho "$*" >> calls\n')
    assert sweep.run_trials(left, ThreadPoolExecutor(1)) == []
    (call,) = (checkout / "calls").read_text().splitlines()
    assert call.startswith("--wait-for-lock exp run --temp --name sweep-1 --copy-paths data/inco")
    assert call.endswith("--copy-paths data/incoming/folder -S train.seed=1")


@pytest.mark.parametrize(
    ("end", "shown"), [("echo broken; exit 1", "broken"), ("kill -9 $$", "exit status -9")]
)
def test_a_failed_trial_shows_its_output(checkout, capsys, end, shown):
    (checkout / "dvc").write_text(f"#!/bin/sh\n{end}\n")
    left = {"sweep-1": ["train.seed=1"]}
    assert sweep.run_trials(left, ThreadPoolExecutor(1)) == ["sweep-1"]
    assert capsys.readouterr().err == f"warning: sweep-1 failed:\n{shown}\n"


def test_dask_runs_trials_and_a_failed_one_gives_a_message(checkout, shell):
    (checkout / "dvc").write_text('#!/bin/sh\ncase "$*" in *=2) echo broken; exit 1; esac\n')
    cluster = LocalCluster("127.0.0.1", processes=False, protocol="tcp://", dashboard_address=None)
    with cluster:
        command = ["python", sweep.__file__, "-S", "train.seed=1,2"]
        command += ["--scheduler", cluster.scheduler_address]
        done = shell(command, checkout, fails=True, PATH=os.environ["PATH"])
    expected = r"warning: (sweep-\w+) failed:\nbroken\nerror: 1 of 2 trials failed: \1\n"
    assert re.fullmatch(expected, done.stderr), done.stderr


@pytest.mark.parametrize("scheduler", ["tcp://127.0.0.1:1", "here"])
def test_an_unreachable_scheduler_gives_a_message_in_any_folder(shell, tmp_path, scheduler):
    command = ["python", sweep.__file__, "-S", "train.seed=1", "--scheduler", scheduler]
    at_once = {"DASK_DISTRIBUTED__COMM__TIMEOUTS__CONNECT": "1s"}
    error = shell(command, tmp_path, fails=True, **at_once).stderr
    assert re.fullmatch(rf"error: no Dask scheduler at {scheduler} \(.*\); start one .*\n", error)
