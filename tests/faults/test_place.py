"""Unusual paths, locales, time zones, users and permissions."""

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
    sees="`warning: MLflow at … did not log: … (PipelineError: this checkout was moved; …) …`",
    then="`dvc repro` has nothing to do; after `rm mlflow.db`, `make sync` logs all results again",
)
def test_a_moved_checkout(results_there, shell, logged_trainings, tmp_path):
    before = logged_trainings(results_there)
    moved = results_there.rename(tmp_path / "moved")
    again = shell(["dvc", "repro"], moved)
    assert "Data and pipelines are up to date" in again.stdout
    sync = [sys.executable, "-m", "src.tracking.sync"]
    assert "this checkout was moved; delete mlflow.db" in shell(sync, moved, fails=True).stderr
    (moved / "mlflow.db").unlink()
    shell(sync, moved)
    assert logged_trainings(moved) == before
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
    command = [*bound_by_permissions, "python", "-m", "stages.download"]
    (checkout / "data").chmod(0o555)
    try:
        done = shell(command, checkout, fails=True)
        assert done.stderr.startswith("error: Permission denied")
    finally:
        (checkout / "data").chmod(0o755)
    recovers(checkout)


@pytest.mark.fault(
    "A file in place of a folder to which a stage writes",
    sees="`error: Not a directory (…); remove or rename what is in the way, then run dvc repro`",
    then="without the file, `dvc repro` finishes",
)
@pytest.mark.parametrize(
    ("stage", "name"),
    [
        ("evaluate", "plots"),
        ("train mlp", ".checkpoints"),
        ("train mlp", "models"),
        ("download", "data"),
        ("plan", "data/plan"),
        ("preprocess", "data/processed"),
        ("compare", "metrics"),
        ("evaluate", "data/predictions"),
        ("compare", "plots"),
    ],
)
@pytest.mark.first_cases(1)
def test_a_file_in_place_of_a_folder(results_there, shell, recovers, stage, name):
    folder, kept = results_there / name, results_there.parent / "kept"
    if folder.exists():
        folder.rename(kept)
    folder.touch()
    words = ["python", "-m", f"stages.{stage.split()[0]}", *stage.split()[1:]]
    done = shell(words, results_there, fails=True)
    assert len([each for each in done.stderr.splitlines() if each.startswith("error: ")]) == 1
    assert "Traceback" not in done.stderr
    folder.unlink()
    if kept.exists():
        kept.rename(folder)
    recovers(results_there)


@pytest.mark.fault(
    "The folder `logs` is not writable, its disk is full, or it is a file",
    sees="`warning: TensorBoard does not show all of …`, once, and `warning: logs/trainings cannot "
    "be written …`",
    then="the training goes on; its results are complete, and are in MLflow",
)
def test_logs_that_are_not_writable(results_there, shell, results, expected, bound_by_permissions):
    logs = results_there / "logs"
    shutil.rmtree(logs)
    shutil.rmtree(results_there / ".checkpoints")
    logs.mkdir(0o555)
    command = [*bound_by_permissions, "python", "-m", "stages.train", "mlp"]
    done = shell(command, results_there)
    assert "Traceback" not in done.stderr
    assert done.stderr.count("warning: TensorBoard does not show all of mlp_65x2") == 1
    assert done.stderr.count("warning: logs/trainings cannot be written") == 2  # of each training
    assert results(results_there) == expected
