"""A file or folder is complete or absent, whatever happens while it is written."""

import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from src.common import files
from src.common.errors import PipelineError

ROOT = Path(__file__).parents[3]


def test_a_folder_is_renamed_when_it_is_complete_and_an_error_keeps_the_old_one(tmp_path):
    with files.atomic_folder(tmp_path / "a") as folder:
        (folder / "x").write_text("old")
        assert not (tmp_path / "a").exists()
    with pytest.raises(ZeroDivisionError), files.atomic_folder(tmp_path / "a") as folder:
        (folder / "x").write_text("new")
        raise ZeroDivisionError
    assert (tmp_path / "a/x").read_text() == "old"
    assert len(list(tmp_path.iterdir())) == 1


def test_the_next_run_removes_what_a_killed_process_left(tmp_path):
    code = (
        "import os, signal; from pathlib import Path\n"
        "from src.common.files import atomic_folder\n"
        f"os.chdir({str(tmp_path)!r})\n"
        "with atomic_folder(Path('output')) as partial:\n"
        "    (partial / 'old').touch(); os.kill(os.getpid(), signal.SIGKILL)"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == -signal.SIGKILL
    assert [path.name for path in tmp_path.iterdir()] == [".output.partial"]
    with files.atomic_folder(tmp_path / "output"):
        pass
    assert list((tmp_path / "output").iterdir()) == []
    assert [path.name for path in tmp_path.iterdir()] == ["output"]


def test_an_error_keeps_the_old_file(tmp_path):
    path = tmp_path / "a.json"
    files.write_json(path, {"b": "é"})
    with pytest.raises(TypeError):
        files.write_json(path, {"b": object()})
    assert files.read_json(path, "stage") == {"b": "é"}
    assert [each.name for each in tmp_path.iterdir()] == ["a.json"]


def test_a_missing_or_damaged_file_is_reported_with_its_stage(tmp_path):
    with pytest.raises(PipelineError, match="is missing; run `dvc repro plan`"):
        files.read_json(tmp_path / "a.json", "plan")
    (tmp_path / "a.json").write_text('{"a": ')
    with pytest.raises(PipelineError, match="is not valid JSON"):
        files.read_json(tmp_path / "a.json", "plan")


def contents(folder):
    return {path.name: path.read_text() for path in folder.iterdir() if path.is_file()}


@pytest.mark.parametrize("error", [None, KeyboardInterrupt])
def test_new_files_replace_old_ones_when_they_are_complete(tmp_path, error):
    for name in ("a", "b", "kept"):
        (tmp_path / name).write_text("old")
    before = contents(tmp_path)
    old = [tmp_path / "a", tmp_path / "b"]
    with suppress(KeyboardInterrupt), files.atomic_files(tmp_path, old) as folder:
        (folder / "b").write_text("new")
        (folder / "c").write_text("new")
        assert contents(tmp_path) == before
        if error:
            raise error
    assert contents(tmp_path) == (before if error else {"b": "new", "c": "new", "kept": "old"})
    assert len(list(tmp_path.iterdir())) == 3
