"""A file or folder is complete or absent, whatever happens while it is written."""

import signal
import subprocess
import sys

import pytest

from src.common import files
from src.common.errors import PipelineError


def test_a_folder_is_renamed_when_it_is_complete(tmp_path):
    with files.atomic_folder(tmp_path / "a") as folder:
        (folder / "x").write_text("1")
        assert not (tmp_path / "a").exists()
    assert (tmp_path / "a/x").read_text() == "1"
    assert len(list(tmp_path.iterdir())) == 1


def test_an_error_keeps_the_old_folder(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a/x").write_text("old")
    with pytest.raises(ZeroDivisionError), files.atomic_folder(tmp_path / "a") as folder:
        (folder / "x").write_text("new")
        raise ZeroDivisionError
    assert (tmp_path / "a/x").read_text() == "old"
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize("kind", ["folder", "file"])
def test_the_next_run_removes_what_a_killed_process_left(tmp_path, kind):
    write = {
        "folder": "with atomic_folder(Path('output')) as p: (p / 'old').touch(); kill()",
        "file": "with atomic_file(Path('output')) as p: p.write_text('old'); kill()",
    }
    code = (
        "import os, signal; from pathlib import Path\n"
        "from src.common.files import atomic_file, atomic_folder\n"
        f"os.chdir({str(tmp_path)!r})\n"
        "kill = lambda: os.kill(os.getpid(), signal.SIGKILL)\n" + write[kind]
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == -signal.SIGKILL
    assert [path.name for path in tmp_path.iterdir()] == [".output.partial"]
    if kind == "folder":
        with files.atomic_folder(tmp_path / "output"):
            pass
        assert list((tmp_path / "output").iterdir()) == []
    else:
        with files.atomic_file(tmp_path / "output") as partial:
            partial.write_text("new")
        assert (tmp_path / "output").read_text() == "new"
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


def test_the_order_of_keys_does_not_change_the_digest():
    assert files.json_sha256({"a": 1, "b": 2}) == files.json_sha256({"b": 2, "a": 1})
