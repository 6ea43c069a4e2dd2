"""Unusual paths, locales, time zones, users and permissions."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow


@pytest.mark.fault(
    "A path with spaces and non-ASCII letters; `LC_ALL=C`, an unusual `TZ`, no git identity; no "
    "`HOME`, or one that is not writable",
    sees="nothing",
    then="the same weights and metrics",
)
@pytest.mark.parametrize("home", ["/proc/nowhere", None])
@pytest.mark.first_cases(1)
@pytest.mark.make_faults
def test_an_unusual_environment(base, tmp_path, environment, expected, home, results):
    checkout = Path(shutil.copytree(base, tmp_path / "Бег 手書き & 'digits' $HOME"))
    odd = {k: v for k, v in environment.items() if not k.startswith(("GIT_", "LC_", "LANG"))}
    odd |= {"LC_ALL": "C", "TZ": "Pacific/Chatham", "GIT_CONFIG_GLOBAL": "/dev/null"}
    odd.pop("HOME", None)
    if home:
        odd["HOME"] = home
    done = subprocess.run(["dvc", "repro"], cwd=checkout, env=odd, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    assert "not logged" not in done.stderr, done.stderr
    assert results(checkout) == expected


@pytest.mark.fault(
    "The checkout is moved",
    sees="nothing",
    then="`dvc repro` has nothing to do; MLflow finds the old artifacts and accepts new ones",
)
def test_a_moved_checkout(results_there, environment, shell, tmp_path):
    moved = results_there.rename(tmp_path / "moved")
    again = shell(["dvc", "repro"], moved)
    assert "Data and pipelines are up to date" in again.stdout
    shell(["dvc", "repro", "-q", "--force", "-s", "train@mlp_65x2"], moved)
    code = (
        "import json, mlflow; client = mlflow.MlflowClient('sqlite:///mlflow.db')\n"
        "runs = client.search_runs(['1'], \"tags.recipe != ''\")\n"
        "files = [[f.path for f in client.list_artifacts(r.info.run_id)] for r in runs]\n"
        "print(json.dumps([files, [r.info.artifact_uri for r in runs]]))"
    )
    files, places = json.loads(shell([sys.executable, "-c", code], moved).stdout)
    assert len(files) == 3
    assert all({"history.csv", "training.json"} <= set(each) for each in files)
    assert all(place.startswith(moved.as_uri()) for place in places)
    assert not results_there.exists()


@pytest.mark.fault(
    "`data/incoming` is read-only",
    sees="nothing",
    then="its files are used; the pipeline never writes there",
)
@pytest.mark.make_faults
def test_incoming_is_only_read(checkout, shell, recovers, bound_by_permissions):
    incoming = checkout / "data/incoming"
    before = sorted((path.name, path.stat().st_mtime_ns) for path in incoming.iterdir())
    incoming.chmod(0o555)
    shell([*bound_by_permissions, "dvc", "repro", "-q"], checkout)
    recovers(checkout)
    incoming.chmod(0o755)
    assert sorted((path.name, path.stat().st_mtime_ns) for path in incoming.iterdir()) == before


@pytest.mark.fault(
    "A folder for results is not writable",
    sees="`error: Permission denied (…); free space or allow access, then run dvc repro`",
    then="with access, `dvc repro` finishes",
)
def test_a_folder_that_is_not_writable(checkout, shell, recovers, bound_by_permissions):
    command = [*bound_by_permissions, "python", "-m", "stages.plan"]
    (checkout / "data").chmod(0o555)
    try:
        done = shell(command, checkout, fails=True)
        assert done.stderr.startswith("error: Permission denied")
    finally:
        (checkout / "data").chmod(0o755)
    recovers(checkout)
