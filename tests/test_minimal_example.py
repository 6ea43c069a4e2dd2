"""The example to copy: its size, and the commands of its README."""

import re

import mlflow
import pytest

from tests.fixtures.commands import ROOT, blocks

EXAMPLE = ROOT / "examples/minimal"
NOT_RUN = ("python3 -m venv", "mlflow ui")  # installs the packages that are here; does not end


def test_it_is_short_has_the_versions_of_this_project_and_is_ignored_by_its_dvc(shell):
    lines = [path.read_text().splitlines() for path in EXAMPLE.iterdir() if path.is_file()]
    assert sum(map(len, lines)) <= 250
    pinned = (ROOT / name for name in ("requirements.txt", "requirements-dev.txt"))
    versions = {line.split("#")[0].strip() for path in pinned for line in path.open()}
    assert {*(EXAMPLE / "requirements.txt").read_text().split()} <= versions
    assert "examples" not in shell(["dvc", "stage", "list", "--all"], ROOT).stdout


@pytest.mark.slow
def test_the_commands_of_its_readme(shell, tmp_path):
    lines = [line for block in blocks(EXAMPLE / "README.md") for line in block]
    folder, printed = ROOT, ""
    for line in lines:
        if not line.startswith(NOT_RUN):
            printed += shell(["bash", "-ec", line], folder, HOME=str(tmp_path)).stdout
            folder = tmp_path / "mine"  # the first line goes there
    names = re.findall(r"^Ran experiment\(s\): (\S+)", printed, re.MULTILINE)
    client = mlflow.MlflowClient(f"sqlite:///{tmp_path}/mine/mlflow.db")
    runs = client.search_runs(["1"], order_by=["start_time"])
    links = [(run.info.run_name, run.data.tags["dvc_exp"]) for run in runs]
    assert links == [("mlp", ""), *zip(("cnn", "mlp"), names, strict=True)]
    best = max(runs, key=lambda run: run.data.metrics["val_accuracy"])
    assert client.get_model_version_by_alias("digits", "champion").run_id == best.info.run_id
