"""A stage whose dependencies change while it runs fails."""

import os
import shutil
from pathlib import Path

import pytest

from src.common.errors import run
from src.common.inputs import changed_inputs, read_state

PIPELINE = """
stages:
  plan:
    params: [model, data.seed]
    deps: [code]
  train:
    foreach: [softmax, cnn]
    do:
      deps: [code/a.py, "data/${item}.json"]
"""


@pytest.fixture(autouse=True)
def checkout(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shutil.copy(Path(__file__).parents[3] / ".dvcignore", ".")
    Path("dvc.yaml").write_text(PIPELINE)
    Path("params.yaml").write_text("model: all\ndata: {seed: 1}\n")
    for name in ("code/a.py", "code/sub/b.py", "code/__pycache__/a.pyc", "data/cnn.json"):
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_text("1")


def edit(name, text="2 2"):
    Path(name).write_text(text)


@pytest.mark.parametrize(
    ("stage", "change", "named"),
    [
        ("train@cnn", lambda: edit("code/a.py"), "code/a.py"),
        ("train@cnn", lambda: edit("data/cnn.json"), "data/cnn.json"),
        ("train@cnn", Path("data/cnn.json").unlink, "data/cnn.json"),
        ("plan", lambda: edit("code/sub/new.py"), "code/sub/new.py"),
        ("plan", lambda: os.utime("code/sub/b.py", ns=(1, 1)), "code/sub/b.py"),
        ("plan", lambda: edit("params.yaml", "data: {seed: 1}"), "params.yaml"),
    ],
)
def test_a_change_is_an_error(stage, change, named):
    before = read_state(stage)
    assert changed_inputs(stage, before) == []
    change()
    assert changed_inputs(stage, before) == [named]


def test_another_file_of_equal_size_and_time_is_a_change():
    before, path = read_state("plan"), Path("code/a.py")
    edit("new.py", "2")
    times = path.stat()
    os.utime("new.py", ns=(times.st_atime_ns, times.st_mtime_ns))
    os.replace("new.py", path)
    assert changed_inputs("plan", before) == ["code/a.py"]


def test_a_stage_of_another_pipeline_has_no_known_dependencies():
    assert changed_inputs("other/dvc.yaml:own", read_state("other/dvc.yaml:own")) == []


@pytest.mark.parametrize("content", ["a: [", "models: {}", "[]"])
def test_an_invalid_pipeline_file_is_a_change(content):
    before = read_state("../dvc.yaml:train@cnn")
    edit("dvc.yaml", content)
    assert changed_inputs("train@cnn", before) == ["dvc.yaml"]


@pytest.mark.parametrize("name", [".a.py.swp", "a.py~", ".import.partial/x", ".DS_Store"])
def test_files_of_editors_are_ignored(name):
    before = read_state("plan")
    (Path("code") / name).parent.mkdir(exist_ok=True)
    edit(f"code/{name}")
    assert changed_inputs("plan", before) == []


def test_what_the_stage_does_not_depend_on_may_change():
    before = read_state("train@cnn")
    edit("code/sub/b.py")
    edit("params.yaml", "model: cnn\ndata: {seed: 1}\n")
    edit("code/__pycache__/a.pyc")
    assert changed_inputs("train@cnn", before) == []


def test_a_stage_fails_if_dvc_runs_it_and_an_input_changes(monkeypatch):
    run(lambda: edit("code/a.py", "2"), is_stage=True)
    monkeypatch.setenv("DVC_STAGE", "train@cnn")
    run(lambda: edit("code/sub/b.py", "2"), is_stage=True)
    with pytest.raises(SystemExit, match=r"error: code/a\.py changed while the stage train@cnn"):
        run(lambda: edit("code/a.py", "3 3"), is_stage=True)
