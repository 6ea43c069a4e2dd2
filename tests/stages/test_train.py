"""The train stage as a process: killed at any moment, it ends with the uninterrupted weights."""

import os
import random
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from src.common.files import write_json
from src.config.params import load_params
from src.ingest import digits
from src.ingest.preprocess import preprocess
from src.models import artifacts

ROOT = Path(__file__).parents[2]
EPOCHS = 80


@pytest.fixture
def checkout(tmp_path) -> Path:
    """What the stage reads: the fallback dataset, preprocessed, and one recipe file."""
    raw, processed = tmp_path / "raw", tmp_path / "data/processed"
    raw.mkdir()
    processed.mkdir(parents=True)
    digits.write(raw)
    info = {"name": "digits", "requested": "digits", "is_fallback": False, "files": {}}
    write_json(raw / "dataset.json", info)
    preprocess(raw, processed, validation=200)
    recipe = load_params(ROOT / "params.yaml").models["mlp_dropout"]
    plan = {
        "name": "tiny",
        "selected": True,
        "recipe": recipe.model_copy(update={"epochs": EPOCHS}).model_dump(
            exclude={"published"}, exclude_none=True
        ),
        "keep_epochs": False,
        "tensorboard": True,
        "train": {
            **{"device": "cpu", "compile": "auto", "precision": "auto", "seed": 1},
            **{"strategy": "single", "memory_limit": "auto", "threads": "auto"},
        },
    }
    write_json(tmp_path / "data/recipes/tiny.json", plan)
    return tmp_path


def start(checkout: Path, environment: dict[str, str]) -> subprocess.Popen[str]:
    variables = {"PYTHONPATH": str(ROOT), "DVC_ROOT": str(checkout), "PYTHONUNBUFFERED": "1"}
    return subprocess.Popen(
        [sys.executable, "-m", "stages.train", "tiny"],
        cwd=checkout,
        env={**environment, **variables},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def finish(checkout: Path, environment: dict[str, str]) -> str:
    process = start(checkout, environment)
    output, _ = process.communicate(timeout=300)
    assert process.returncode == 0, output
    return output


@pytest.mark.slow
def test_killed_at_five_random_moments_it_ends_with_the_uninterrupted_weights(
    checkout, environment
):
    output = finish(checkout, environment)
    assert "going on from" not in output
    assert "complete already" in finish(checkout, environment)
    whole = artifacts.load_record(checkout / "models/tiny")["weights_sha256"]

    moments = random.Random(1)
    resumed = 0
    for _ in range(5):
        shutil.rmtree(checkout / "models/tiny")
        shutil.rmtree(checkout / ".checkpoints")  # the complete one
        process = start(checkout, environment)
        last_line = moments.randrange(EPOCHS // 4, EPOCHS)
        for number, _ in enumerate(process.stdout):
            if number == last_line:
                break
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        assert not (checkout / "models/tiny/training.json").exists()
        resumed += "going on from step" in finish(checkout, environment)
        assert artifacts.load_record(checkout / "models/tiny")["weights_sha256"] == whole
    assert resumed >= 3  # the others were killed before their first checkpoint


def test_an_unselected_recipe_leaves_a_note_and_needs_no_tensorflow(tmp_path, environment):
    write_json(tmp_path / "data/recipes/tiny.json", {"name": "tiny", "selected": False})
    code = (
        "import sys; sys.argv[1:] = ['tiny']; from stages.train import main; main(); "
        "print([name for name in ('tensorflow', 'mlflow', 'numpy') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env={**environment, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "[]"
    assert "leaves this out" in (tmp_path / "models/tiny/not-selected.txt").read_text()


def test_no_stage_but_training_and_evaluation_loads_tensorflow(environment):
    for stage in ("download", "plan", "preprocess", "compare"):
        code = (
            f"import sys, stages.{stage}; "
            "print([name for name in ('tensorflow', 'mlflow') if name in sys.modules])"
        )
        done = subprocess.run(
            [sys.executable, "-c", code],
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stdout.strip() == "[]", stage
