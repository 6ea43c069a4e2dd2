"""A file or folder is complete or absent, whatever happens while it is written."""

import os
import signal
import subprocess
import sys

import pytest

from src.common import files
from src.common.errors import PipelineError


def contents(folder):
    return {path.name: path.read_text() for path in folder.iterdir() if path.is_file()}


def test_a_folder_is_renamed_when_it_is_complete_and_an_error_keeps_the_old_one(tmp_path):
    with files.atomic_folder(tmp_path / "a") as folder:
        (folder / "x").write_text("old")
        assert not (tmp_path / "a").exists()
    with pytest.raises(ZeroDivisionError), files.atomic_folder(tmp_path / "a") as folder:
        (folder / "x").write_text("new")
        raise ZeroDivisionError
    assert contents(tmp_path / "a") == {"x": "old"}
    assert len(list(tmp_path.iterdir())) == 1


def test_an_error_keeps_the_old_file(tmp_path):
    path = tmp_path / "a.json"
    files.write_json(path, {"b": "é"})
    with pytest.raises(TypeError):
        files.write_json(path, {"b": object()})
    assert files.read_json(path, "stage") == {"b": "é"}
    assert [each.name for each in tmp_path.iterdir()] == ["a.json"]


@pytest.mark.parametrize("kind", ["atomic_folder", "atomic_file"])
def test_the_next_run_removes_what_a_killed_process_left(tmp_path, kind):
    write = "(p / 'old').touch()" if kind == "atomic_folder" else "p.write_text('old')"
    code = (
        "import os, signal; from pathlib import Path\n"
        f"from src.common.files import {kind}\n"
        f"os.chdir({str(tmp_path)!r})\n"
        f"with {kind}(Path('output')) as p: {write}; os.kill(os.getpid(), signal.SIGKILL)"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == -signal.SIGKILL
    assert [path.name for path in tmp_path.iterdir()] == [".output.partial"]
    with getattr(files, kind)(tmp_path / "output") as partial:
        assert not partial.is_dir() or list(partial.iterdir()) == []
        path = partial / "new" if kind == "atomic_folder" else partial
        path.write_text("new")
    assert [path.name for path in tmp_path.iterdir()] == ["output"]


def test_two_writers_of_a_file_do_not_disturb_each_other(tmp_path):
    path = tmp_path / "new/a.png"
    with files.shared_file(path) as first, files.shared_file(path) as second:
        first.write_text("first")
        second.write_text("second")
    assert contents(path.parent) == {"a.png": "first"}  # the last one to end
    assert len(list(path.parent.iterdir())) == 1


def test_a_missing_or_damaged_file_is_reported_with_its_stage(tmp_path):
    with pytest.raises(PipelineError, match="is missing; run `dvc repro plan`"):
        files.read_json(tmp_path / "a.json", "plan")
    (tmp_path / "a.json").write_text('{"a": ')
    with pytest.raises(PipelineError, match="is not valid JSON"):
        files.read_json(tmp_path / "a.json", "plan")


@pytest.fixture
def old(tmp_path):
    """A folder with old files to replace, and one to keep."""
    folder = tmp_path / "old"
    folder.mkdir()
    for name in ("a", "b", "kept"):
        (folder / name).write_text("old")
    return folder


def test_new_files_replace_old_ones_when_they_are_complete(old):
    with files.atomic_files(old, [old / "a", old / "b"]) as folder:
        (folder / "b").write_text("new")
        (folder / "c").write_text("new")
        assert set(contents(old).values()) == {"old"}
    assert contents(old) == {"b": "new", "c": "new", "kept": "old"}


@pytest.mark.parametrize("calls", [0, 1, 2, 3, 4])
def test_an_interruption_keeps_the_old_files(old, monkeypatch, calls):
    before, replace, made = contents(old), os.replace, []

    def interrupted(*paths):
        replace(*paths)
        made.append(paths)
        if len(made) == calls:
            raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", interrupted)
    replaced = files.atomic_files(old, [old / "a", old / "b"])
    with pytest.raises(KeyboardInterrupt), replaced as folder:
        (folder / "a").write_text("new")
        (folder / "c").write_text("new")
        if calls == 0:
            raise KeyboardInterrupt
    assert contents(old) == before
