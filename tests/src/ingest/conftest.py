"""Folders that the tests of several sources use."""

import pytest


@pytest.fixture
def target(tmp_path):
    """An empty folder for the canonical files."""
    folder = tmp_path / "raw"
    folder.mkdir()
    return folder


@pytest.fixture
def own(tmp_path, arrays, write_set):
    """A folder with the four IDX files of a small dataset."""
    write_set(tmp_path / "own", arrays())
    return tmp_path / "own"
