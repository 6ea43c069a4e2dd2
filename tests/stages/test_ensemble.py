"""The ensemble stage as a process."""

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from src.common.files import write_json
from src.data.splits import load_split
from src.models import artifacts
from src.models.metrics import accuracy

ROOT = Path(__file__).parents[2]
MEMBERS = ["a", "b", "c"]


@pytest.fixture(scope="module")
def complete(tmp_path_factory, write_plan, save_tiny_training) -> Path:
    """The inputs of the stage: the preprocessed digits, a recipe file, and three models."""
    checkout = tmp_path_factory.mktemp("ensemble")
    write_plan(checkout, "three", {"family": "ensemble", "members": MEMBERS})
    (checkout / "models").mkdir()
    save_tiny_training(checkout / "models/a")
    for number, name in enumerate(MEMBERS):
        write_json(checkout / f"data/recipes/{name}.json", {"name": name, "selected": True})
        if number:
            make_other_member(checkout / "models/a", checkout / "models" / name, number)
    return checkout


def make_other_member(first: Path, folder: Path, seed: int) -> None:
    """A copy of a training with other weights; the layers have the same names."""
    shutil.copytree(first, folder)
    record = artifacts.load_record(folder)
    model = artifacts.load_model(folder, record["weights_sha256"])
    random = np.random.default_rng(seed)
    noisy = [each + random.normal(0, 0.05, each.shape) for each in model.get_weights()]
    model.set_weights(noisy)
    artifacts.save_model(model, folder / artifacts.MODEL)
    changes = {"name": folder.name, "weights_sha256": artifacts.weights_sha256(model)}
    write_json(folder / artifacts.RECORD, record | changes)


@pytest.fixture
def checkout(complete, tmp_path) -> Path:
    return Path(shutil.copytree(complete, tmp_path / "checkout"))


def run(checkout: Path, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "stages.ensemble", "three"],
        cwd=checkout,
        env={**environment, "PYTHONPATH": str(ROOT), "DVC_ROOT": str(checkout)},
        capture_output=True,
        text=True,
    )


def model_of(folder: Path):
    return artifacts.load_model(folder, artifacts.load_record(folder)["weights_sha256"])


def test_the_stage_writes_a_model_that_averages_probabilities(checkout, environment):
    done = run(checkout, environment)
    assert done.returncode == 0, done.stderr
    folder = checkout / "models/three"
    record, (row,) = artifacts.load_record(folder), artifacts.load_history(folder)
    images, labels = load_split(checkout / "data/processed", "validation")
    logits = [np.asarray(model_of(checkout / "models" / name)(images)) for name in MEMBERS]
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=2, keepdims=True)
    expected = np.log(probabilities.mean(axis=0))
    np.testing.assert_allclose(model_of(folder)(images), expected, rtol=1e-3, atol=1e-4)
    assert record["val_accuracy"] == row["val_accuracy"] == accuracy(expected, labels)
    members = [artifacts.load_record(checkout / "models" / name) for name in MEMBERS]
    assert record["steps"] == row["step"] == sum(each["steps"] for each in members)
    assert record["parameters"] == 3 * 7850
    assert record["recipe"] == {"family": "ensemble", "members": MEMBERS}
    assert record["name"] == "three"
    line = f"three of a, b, c: validation accuracy {record['val_accuracy']:.4f}\n"
    assert done.stdout.endswith(line)
    content = [path.read_bytes() for path in sorted(folder.iterdir())]
    assert run(checkout, environment).stdout == done.stdout
    assert [path.read_bytes() for path in sorted(folder.iterdir())] == content


def test_an_unselected_ensemble_writes_a_note(tmp_path, environment):
    write_json(tmp_path / "data/recipes/three.json", {"name": "three", "selected": False})
    done = run(tmp_path, environment)
    assert (done.returncode, done.stdout) == (0, "three: not selected\n")
    (note,) = (tmp_path / "models/three").iterdir()
    assert note.name == "not-selected.txt" and "excludes this" in note.read_text()


@pytest.mark.parametrize("name", [artifacts.RECORD, artifacts.MODEL])
def test_a_missing_file_of_a_member_is_one_sentence(checkout, environment, name):
    (checkout / "models/b" / name).unlink()
    done = run(checkout, environment)
    assert done.returncode == 1 and "Traceback" not in done.stderr
    (line,) = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert f"models/b/{name}" in line and "run `dvc" in line and "train@b`" in line
    assert not (checkout / "models/three").exists()
