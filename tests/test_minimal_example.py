"""The example to copy: its size, and the commands of its README."""

import re
import sqlite3
from contextlib import closing

import pytest

from tests.fixtures.commands import ROOT, blocks

EXAMPLE = ROOT / "examples/minimal"
NOT_RUN = ("python3 -m venv", "mlflow ui")  # installs the packages that are here; does not end
RUNS = """
SELECT runs.name, experiment.value, accuracy.value, alias.alias FROM runs
JOIN tags experiment ON experiment.run_uuid = runs.run_uuid AND experiment.key = 'dvc_exp'
JOIN latest_metrics accuracy ON accuracy.run_uuid = runs.run_uuid AND accuracy.key = 'val_accuracy'
LEFT JOIN model_versions version ON version.run_id = runs.run_uuid
LEFT JOIN registered_model_aliases alias ON alias.version = version.version
ORDER BY runs.start_time
"""


def test_it_is_short_and_has_the_versions_of_this_project():
    lines = [path.read_text().splitlines() for path in EXAMPLE.iterdir() if path.is_file()]
    assert sum(map(len, lines)) <= 250
    pinned = (ROOT / name for name in ("requirements.txt", "requirements-dev.txt"))
    versions = {line.split("#")[0].strip() for path in pinned for line in path.open()}
    assert {*(EXAMPLE / "requirements.txt").read_text().split()} <= versions


def test_dvc_ignores_it(shell):
    assert "examples" not in shell(["dvc", "stage", "list", "--all"], ROOT).stdout


@pytest.mark.slow
def test_the_commands_of_its_readme(shell, tmp_path):
    lines = [line for block in blocks(EXAMPLE / "README.md") for line in block]
    script = "\n".join(line for line in lines if not line.startswith(NOT_RUN))
    done = shell(["bash", "-exc", script], ROOT, HOME=str(tmp_path))
    experiments = re.findall(r"^Ran experiment\(s\): (\S+)", done.stdout, re.MULTILINE)
    with closing(sqlite3.connect(tmp_path / "mine/mlflow.db")) as store:
        names, links, accuracies, aliases = zip(*store.execute(RUNS), strict=True)
    assert (names, links) == (("mlp", "cnn", "mlp"), ("", *experiments))
    assert [accuracies[i] for i, alias in enumerate(aliases) if alias] == [max(accuracies)]
    command = ["dvc", "exp", "run", "-S", "model=mpl"]
    assert "choose one of softmax, mlp, cnn" in shell(command, tmp_path / "mine", True).stderr
