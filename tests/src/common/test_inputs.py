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
        ("train@cnn", lambda: edit("data/cnn.json"), ["data/cnn.json"]),
        ("train@cnn", Path("data/cnn.json").unlink, ["data/cnn.json"]),
        ("plan", lambda: edit("code/sub/new.py"), ["code/sub/new.py"]),
        ("plan", lambda: os.utime("code/sub/b.py", ns=(1, 1)), ["code/sub/b.py"]),
        ("plan", lambda: edit("params.yaml", "data: {seed: 1}"), ["params.yaml"]),
        ("train@cnn", lambda: edit("dvc.yaml", "a: ["), ["dvc.yaml"]),
        # What the stage does not depend on, and files of editors and of Python
        ("train@cnn", lambda: edit("code/sub/b.py"), []),
        ("train@cnn", lambda: edit("params.yaml", "model: cnn"), []),
        ("plan", lambda: edit("code/__pycache__/a.pyc"), []),
        ("plan", lambda: edit("code/.a.py.swp"), []),
    ],
)
def test_a_change_of_an_input_is_found(stage, change, named):
    before = read_state(stage)
    assert changed_inputs(stage, before) == []
    change()
    assert changed_inputs(stage, before) == named


def test_a_stage_fails_if_dvc_runs_it_and_an_input_changes(monkeypatch):
    run(lambda: edit("code/a.py", "2"), is_stage=True)
    monkeypatch.setenv("DVC_STAGE", "train@cnn")
    run(lambda: edit("code/sub/b.py", "2"), is_stage=True)
    with pytest.raises(SystemExit, match=r"error: code/a\.py changed while the stage train@cnn"):
        run(lambda: edit("code/a.py", "3 3"), is_stage=True)
