"""`make repro MODEL=…` leaves params.yaml as it was, whatever happens during the run."""

import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
DVC = """#!/bin/sh
echo "dvc $*"
sed -i "s/^model: .*/model: softmax/" params.yaml
sh ./meanwhile
"""


@pytest.fixture
def run(tmp_path, shell, environment):
    """Run the program with a ``dvc`` that changes params.yaml, runs a command, and ends."""

    def run(names: str, meanwhile: str = "", fails: bool = False):
        for name in ("params.yaml", "recipes.yaml"):
            (tmp_path / name).write_text((ROOT / name).read_text())
        (tmp_path / "meanwhile").write_text(meanwhile)
        (tmp_path / "dvc").write_text(DVC)
        (tmp_path / "dvc").chmod(0o755)
        path = f"{tmp_path}:{environment['PATH']}"
        command = [sys.executable, "-m", "src.apps.reproduce", *names.split()]
        return shell(command, tmp_path, fails=fails, PATH=path, PYTHONPATH=str(ROOT))

    return run


def is_unchanged(folder: Path) -> bool:
    return (folder / "params.yaml").read_text() == (ROOT / "params.yaml").read_text()


@pytest.mark.parametrize(
    ("names", "selection"),
    [("cnn", "cnn"), ("softmax,cnn", "[softmax,cnn]"), ("softmax cnn", "[softmax,cnn]")],
)
def test_the_selection_is_for_one_run(run, tmp_path, names, selection):
    output = run(names).stdout
    assert f"dvc exp run -S model={selection}\n" in output
    assert f"results of `model: {selection}`" in output
    assert is_unchanged(tmp_path)


@pytest.mark.parametrize("ending", ["exit 3", "kill -INT $PPID $$"])
def test_after_a_failure_the_file_is_as_before(run, tmp_path, ending):
    done = run("cnn", ending, fails=True)
    assert "Traceback" not in done.stderr
    assert is_unchanged(tmp_path)


def test_an_edit_during_the_run_is_kept(run, tmp_path):
    done = run("softmax", "sed -i 's/^  validation: .*/  validation: 100/' params.yaml")
    assert "params.yaml was edited during the run; it now has `model: softmax`" in done.stderr
    assert "validation: 100" in (tmp_path / "params.yaml").read_text()


def test_an_unknown_name_is_refused_before_anything_runs(run):
    done = run("sofmax", fails=True)
    assert (
        "found 'sofmax': there is no such recipe, family or group (did you mean 'softmax"
        in done.stderr
    )
    assert done.stdout == ""
