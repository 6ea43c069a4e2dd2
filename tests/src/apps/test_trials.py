"""The trials of a sweep and their names."""

import pytest
import yaml

from src.apps import trials
from src.apps.trials import combinations, named
from src.common.errors import PipelineError
from src.common.files import write_json


def test_a_grid_has_a_trial_for_each_combination():
    grid = combinations(["train.seed=1,2", "model=mlp", "recipes.yaml:cnn.epochs=range(1,4)"])
    assert len(grid) == 2 * 1 * 3
    assert ["train.seed=2", "model=mlp", "recipes.yaml:cnn.epochs=3"] in grid


def test_a_trial_always_has_the_same_unique_name():
    grid = combinations(["train.seed=1,2,3"])
    names = list(named(grid, "", "data"))
    assert len(set(names)) == 3
    assert list(named(grid, "", "data")) == names
    assert not set(named(grid, "an edit", "data")) & set(names)
    assert not set(named(grid, "", "other data")) & set(names)


def test_a_list_is_one_value():
    assert combinations(["model=[softmax,cnn]"]) == [["model=[softmax,cnn]"]]


@pytest.mark.parametrize(
    "change", ["train.seed", "a=[1,", "", "recipes.yaml:a", "train.seed=interval(0,1)"]
)
def test_an_invalid_change_gives_a_message(change):
    with pytest.raises(PipelineError, match="write -S key=value,value"):
        combinations([change])


def test_the_version_of_the_data_changes_with_each_source(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    versions = set()
    for digest, incoming in (("a", "b"), ("c", "b"), ("a", "d")):
        write_json(tmp_path / "data/processed/training/dataset.json", {"digest": digest})
        inputs = [{"path": "src/config", "md5": "x"}, {"path": "data/incoming", "md5": incoming}]
        (tmp_path / "dvc.lock").write_text(
            yaml.safe_dump({"stages": {"download": {"deps": inputs}}})
        )
        versions.add(trials.data_version())
    assert len(versions) == 3


def test_a_module_that_git_does_not_know_is_an_error(tmp_path, monkeypatch, shell):
    monkeypatch.chdir(tmp_path)
    for name in ("src/models/new.py", "src/notes.txt", "stages/__pycache__/x.py", "other.py"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / ".gitignore").write_text("__pycache__/\n")
    shell(["git", "init", "-q"], tmp_path)
    with pytest.raises(PipelineError, match=r"without src/models/new\.py, .* run `git add src/mo"):
        trials.check_modules()
    shell(["git", "add", "src"], tmp_path)
    trials.check_modules()


def test_each_file_in_incoming_is_copied(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data/incoming/folder").mkdir(parents=True)
    (tmp_path / "data/incoming/a b.npz").touch()
    (tmp_path / "data/incoming/broken").symlink_to("missing")
    expected = ["--copy-paths", "data/incoming/a b.npz", "--copy-paths", "data/incoming/folder"]
    assert trials.files_to_copy() == expected
