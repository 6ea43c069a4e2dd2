"""A stage whose dependencies change while it runs fails."""

import os
import shutil
from pathlib import Path

import pytest

from src.common.errors import PipelineError, run
from src.common.inputs import check_unchanged, read_state

PIPELINE = """
stages:
  plan:
    params: [data.seed, model, {params.yaml: null}]
    deps: [code]
  train:
    foreach: [softmax, cnn]
    do:
      deps: [code/a.py, "data/${item}.json"]
      params: [data.seed]
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
        ("train@cnn", lambda: edit("params.yaml", "data: {seed: 2}"), "data.seed in params.yaml"),
        ("plan", lambda: edit("code/sub/new.py"), "code/sub/new.py"),
        ("plan", lambda: os.utime("code/sub/b.py", ns=(1, 1)), "code/sub/b.py"),
        ("plan", lambda: edit("params.yaml", "data: {seed: 1}"), "model in params.yaml and 1 more"),
    ],
)
def test_a_change_is_an_error(stage, change, named):
    before = read_state(stage)
    check_unchanged(stage, before)
    change()
    message = f"^{named} changed while the stage {stage} ran, .* run `dvc repro` again"
    with pytest.raises(PipelineError, match=message):
        check_unchanged(stage, before)


def test_another_file_of_equal_size_and_time_is_a_change():
    before, path = read_state("plan"), Path("code/a.py")
    edit("new.py", "2")
    times = path.stat()
    os.utime("new.py", ns=(times.st_atime_ns, times.st_mtime_ns))
    os.replace("new.py", path)
    with pytest.raises(PipelineError, match=r"^code/a\.py changed"):
        check_unchanged("plan", before)


def test_a_stage_of_another_pipeline_has_no_known_dependencies():
    check_unchanged("other/dvc.yaml:own", read_state("other/dvc.yaml:own"))


def test_the_file_of_ignored_names_may_be_missing():
    Path(".dvcignore").unlink()
    check_unchanged("plan", read_state("plan"))


@pytest.mark.parametrize("content", ["a: [", "models: {}", "[]"])
def test_an_invalid_pipeline_file_is_a_change(content):
    before = read_state("../dvc.yaml:train@cnn")
    edit("dvc.yaml", content)
    message = r"^dvc\.yaml or params\.yaml changed while the stage train@cnn ran"
    with pytest.raises(PipelineError, match=message):
        check_unchanged("train@cnn", before)


@pytest.mark.parametrize("name", [".a.py.swp", "a.py~", ".import.partial/x", ".DS_Store"])
def test_files_of_editors_are_ignored(name):
    before = read_state("plan")
    (Path("code") / name).parent.mkdir(exist_ok=True)
    edit(f"code/{name}")
    check_unchanged("plan", before)


def test_what_the_stage_does_not_depend_on_may_change():
    before = read_state("train@cnn")
    edit("code/sub/b.py")
    edit("params.yaml", "model: cnn\ndata: {seed: 1}\n")
    edit("code/__pycache__/a.pyc")
    check_unchanged("train@cnn", before)


def test_a_program_fails_if_dvc_runs_it_and_an_input_changes(monkeypatch):
    run(lambda: edit("code/a.py", "2"))
    monkeypatch.setenv("DVC_STAGE", "train@cnn")
    run(lambda: edit("code/sub/b.py", "2"))
    with pytest.raises(SystemExit, match=r"error: code/a\.py changed while the stage train@cnn"):
        run(lambda: edit("code/a.py", "3 3"))
