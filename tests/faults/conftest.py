"""Faults are injected into the real pipeline, each in its own checkout."""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.fixtures.checkout import TRAINED


@pytest.fixture
def bound_by_permissions() -> list[str]:
    """Return a command prefix that makes file permissions apply, also if root runs the tests."""
    if os.geteuid() != 0:
        return []
    if shutil.which("setpriv") is None:
        pytest.skip("root may write everywhere, and setpriv (util-linux) is not installed")
    return ["setpriv", "--bounding-set=-dac_override", "--inh-caps=-all"]


@pytest.fixture
def checkout(new_short_checkout, tmp_path) -> Path:
    """Return a checkout before any run."""
    return new_short_checkout(tmp_path / "checkout")


@pytest.fixture
def results_there(copy_trained, tmp_path) -> Path:
    """Return a checkout in which the pipeline ran without faults."""
    return copy_trained(tmp_path / "results there")


def _results(checkout: Path) -> dict:
    records = [json.loads(path.read_text()) for path in checkout.glob("models/*/*/training.json")]
    weights = {record["name"]: record["weights_sha256"] for record in records}
    return {"weights": weights, "test": json.loads((checkout / "metrics/test.json").read_text())}


@pytest.fixture
def results() -> Callable[[Path], dict]:
    """Return a function that reads the checksums of the weights, and the test metrics."""
    return _results


@pytest.fixture
def expected(trained) -> dict:
    """Return the results of a run without faults."""
    return _results(trained)


@pytest.fixture
def recovers(shell, expected) -> Callable[..., None]:
    """Assert that `dvc repro` finishes with the results of a run without faults."""

    def check(checkout: Path, recipes: tuple[str, ...] = TRAINED) -> None:
        shell(["dvc", "repro"], checkout)
        assert _results(checkout) == {
            kind: {name: values[name] for name in recipes} for kind, values in expected.items()
        }
        left = [path for path in checkout.rglob(".*.partial*") if ".dvc" not in path.parts]
        assert left == []

    return check
