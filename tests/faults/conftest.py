"""Faults are injected into the real pipeline, each in its own checkout.

``make faults`` injects all of them at every moment; `make test`, a few of each kind.
"""

import json
import os
import shutil
import subprocess
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from src.models import artifacts

RECIPES = ("mlp_65x2", "mlp_dropout")  # both of the stage train@mlp
EVERY_FAULT = os.environ.get("FAULTS") == "all"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave tests marked ``make_faults``, and more cases of ``first_cases`` to `make faults`."""
    if EVERY_FAULT:
        return
    seen, omitted = Counter(), []
    for item in items:
        seen[item.path, item.originalname] += 1
        first = item.get_closest_marker("first_cases")
        if first and seen[item.path, item.originalname] > first.args[0]:
            omitted.append(item)
        elif item.get_closest_marker("make_faults"):
            item.add_marker(pytest.mark.skip(reason="takes long: only in `make faults`"))
    items[:] = [item for item in items if item not in omitted]
    config.hook.pytest_deselected(items=omitted)


@pytest.fixture
def bound_by_permissions() -> list[str]:
    """Return a command prefix that makes file permissions apply, also if root runs the tests."""
    if os.geteuid() != 0:
        return []
    if shutil.which("setpriv") is None:
        pytest.skip("root may write everywhere, and setpriv (util-linux) is not installed")
    return ["setpriv", "--bounding-set=-dac_override", "--inh-caps=-all"]


@pytest.fixture(scope="session")
def base(tmp_path_factory, new_checkout, shell, edit_params, refused_url) -> Path:
    """Return a checkout before any run, with two short trainings on the fallback dataset."""
    base = new_checkout(tmp_path_factory.mktemp("faults") / "base")
    edit_params(
        base,
        model=list(RECIPES),
        models__mlp_65x2__epochs=20,
        models__mlp_dropout__epochs=4,
        data__folders=["data/incoming"],
        data__mirrors=[refused_url()],
    )
    shell(["git", "commit", "-qam", "Two short trainings"], base)
    return base


@pytest.fixture
def checkout(base, tmp_path) -> Path:
    """Return a copy of ``base``."""
    return Path(shutil.copytree(base, tmp_path / "checkout"))


@pytest.fixture(scope="session")
def reproduced(base, tmp_path_factory, shell) -> Path:
    """Return a copy in which the pipeline ran without faults. Copy it; do not change it."""
    copy = Path(shutil.copytree(base, tmp_path_factory.mktemp("faults") / "reproduced"))
    shell(["dvc", "repro", "-q"], copy)
    shell(["git", "add", "."], copy)
    shell(["git", "commit", "-qm", "Results"], copy)
    return copy


@pytest.fixture
def results_there(reproduced, tmp_path) -> Path:
    """Return a copy of ``reproduced``."""
    return Path(shutil.copytree(reproduced, tmp_path / "results there", symlinks=True))


def _results(checkout: Path) -> dict:
    """Return the checksums of the weights, and the test metrics."""
    weights = {
        name: artifacts.load_record(checkout / "models/mlp" / name)["weights_sha256"]
        for name in RECIPES
    }
    return {"weights": weights, "test": json.loads((checkout / "metrics/test.json").read_text())}


@pytest.fixture(scope="session")
def expected(reproduced) -> dict:
    """Return the results of a run without faults."""
    return _results(reproduced)


@pytest.fixture
def recovers(shell, environment, expected) -> Callable[[Path], None]:
    """Assert that `dvc repro` finishes with the results of a run without faults."""

    def check(checkout: Path) -> None:
        command = ["dvc", "status", "plan"]
        status = subprocess.run(command, cwd=checkout, env=environment, capture_output=True)
        if b"dvc.lock'" in status.stderr:  # see test_killed_while_dvc_writes_its_lock_file
            shell(["git", "checkout", "dvc.lock"], checkout)
        locks = checkout / ".dvc/tmp/rwlock"
        if locks.exists() and not _is_json(locks):  # see test_killed_while_dvc_writes_its_locks
            locks.unlink()
        shell(["dvc", "repro"], checkout)
        assert _results(checkout) == expected
        left = [path for path in checkout.rglob(".*.partial*") if ".dvc" not in path.parts]
        assert left == []

    return check


def _is_json(path: Path) -> bool:
    try:
        json.loads(path.read_bytes())
    except ValueError:
        return False
    return True


@pytest.fixture
def results() -> Callable[[Path], dict]:
    """Return a function that reads the weights and the test metrics of a checkout."""
    return _results
