"""A file or folder is whole or absent, whatever happens while it is written."""

import pandas as pd
import pytest

from src.common import files
from src.common.errors import PipelineError


def test_a_folder_takes_its_name_when_it_is_whole(tmp_path):
    with files.atomic_folder(tmp_path / "a") as folder:
        (folder / "x").write_text("1")
        assert not (tmp_path / "a").exists()
    assert (tmp_path / "a/x").read_text() == "1"
    assert len(list(tmp_path.iterdir())) == 1


def test_a_failed_folder_leaves_the_old_one(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a/x").write_text("old")
    with pytest.raises(ZeroDivisionError), files.atomic_folder(tmp_path / "a") as folder:
        (folder / "x").write_text("new")
        raise ZeroDivisionError
    assert (tmp_path / "a/x").read_text() == "old"
    assert len(list(tmp_path.iterdir())) == 1


def test_what_a_killed_process_left_does_not_get_in(tmp_path):
    (tmp_path / ".a.partial").mkdir()
    (tmp_path / ".a.partial/rubbish").write_text("x")
    with files.atomic_folder(tmp_path / "a"):
        pass
    assert list((tmp_path / "a").iterdir()) == []


def test_a_failed_file_leaves_the_old_one(tmp_path):
    path = tmp_path / "a.json"
    files.write_json(path, {"b": "é"})
    with pytest.raises(TypeError):
        files.write_json(path, {"b": object()})
    assert files.read_json(path, "stage") == {"b": "é"}
    assert [each.name for each in tmp_path.iterdir()] == ["a.json"]


def test_a_missing_or_damaged_file_is_told_with_the_stage_that_makes_it(tmp_path):
    with pytest.raises(PipelineError, match="is missing; run `dvc repro plan`"):
        files.read_json(tmp_path / "a.json", "plan")
    (tmp_path / "a.json").write_text('{"a": ')
    with pytest.raises(PipelineError, match="is not valid JSON"):
        files.read_json(tmp_path / "a.json", "plan")


def test_a_table_is_written_without_its_index(tmp_path):
    files.write_csv(tmp_path / "folder/a.csv", pd.DataFrame({"x": [1, 2]}))
    assert (tmp_path / "folder/a.csv").read_text() == "x\n1\n2\n"


def test_json_has_one_digest_whatever_the_order_of_its_keys():
    assert files.json_sha256({"a": 1, "b": 2}) == files.json_sha256({"b": 2, "a": 1})
