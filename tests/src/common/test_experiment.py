"""Only names that DVC accepts are names of experiments."""

import pytest
from dulwich.refs import check_ref_format
from hypothesis import given, settings
from hypothesis import strategies as st

from src.common.errors import PipelineError
from src.common.experiment import experiment_name

NAMES = [
    "/some/folder",
    "..",
    "a..b",
    ".a",
    "a.",
    "a.lock",
    "a b",
    "a/b",
    "a\\b",
    "a~1",
    "@{1}",
    "@",
]


def accepted(name):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DVC_EXP_NAME", name)
        try:
            return experiment_name() == name
        except PipelineError as error:
            assert "\n" not in str(error) and "DVC_EXP_NAME" in str(error)
            return False


@pytest.mark.parametrize("name", [*NAMES, "ab\n", "x" * 201, "x" * 300, "ä" * 101])
def test_other_names_are_refused(name):
    assert not accepted(name)


@pytest.mark.parametrize("name", ["bold-move", "sweep-1.5", "größe", "x" * 200, "a@b", "{1}"])
def test_names_of_experiments_are_accepted(name):
    assert accepted(name)


@settings(max_examples=300, derandomize=True, database=None, deadline=None)
@given(st.text("ab./\\@{~^:?*[ .lock\n-é", min_size=1, max_size=8))
def test_the_rule_is_that_of_dvc(name):
    ref = f"refs/exps/ab/cd/{name}".encode()
    valid = check_ref_format(ref) and "/" not in name
    assert accepted(name) == (valid and name != "@")


@pytest.mark.parametrize("value", [None, ""])
def test_outside_of_dvc_there_is_no_name(monkeypatch, value):
    monkeypatch.delenv("DVC_EXP_NAME", raising=False)
    if value is not None:
        monkeypatch.setenv("DVC_EXP_NAME", value)
    assert experiment_name() is None
