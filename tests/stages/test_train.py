"""The train stage as a process: killed at any time, it resumes to the uninterrupted weights."""

import os
import random
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from src.common.files import sha256, write_json
from src.models import artifacts

ROOT = Path(__file__).parents[2]
EPOCHS = 80


@pytest.fixture
def checkout(tmp_path, write_plan, change_recipe) -> Path:
    """The inputs of the stage: the preprocessed digits, and one recipe file."""
    recipe = change_recipe("mlp_dropout", epochs=EPOCHS)
    content = recipe.model_dump(exclude={"published"}, exclude_none=True)
    plan = write_plan(tmp_path, "tiny", content)
    write_json(tmp_path / "data/recipes/tiny.json", plan | {"keep_epochs": True})
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
def test_killed_at_two_random_times_it_ends_with_the_uninterrupted_weights(checkout, environment):
    output = finish(checkout, environment)
    assert "resuming from" not in output
    assert "already complete" in finish(checkout, environment)
    complete = artifacts.load_record(checkout / "models/tiny")["weights_sha256"]
    epochs = sha256(checkout / "models/tiny" / artifacts.BY_EPOCH)
    (saved,) = (checkout / ".checkpoints").glob("*.npz")
    row = np.load(checkout / "models/tiny" / artifacts.BY_EPOCH, mmap_mode="r")[0].nbytes
    assert saved.stat().st_size < 3 * row, "it has the weights of each epoch"

    times = random.Random(1)
    resumed = 0
    for _ in range(2):
        shutil.rmtree(checkout / "models/tiny")
        shutil.rmtree(checkout / ".checkpoints")  # of the complete training
        process = start(checkout, environment)
        last_line = times.randrange(EPOCHS // 2, EPOCHS)
        for number, _ in enumerate(process.stdout):
            if number == last_line:
                break
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        assert not (checkout / "models/tiny/training.json").exists()
        resumed += "resuming from step" in finish(checkout, environment)
        assert artifacts.load_record(checkout / "models/tiny")["weights_sha256"] == complete
        assert sha256(checkout / "models/tiny" / artifacts.BY_EPOCH) == epochs
    assert resumed == 2


def test_a_file_in_place_of_the_folder_of_logs_costs_only_the_logs(checkout, environment):
    plan = checkout / "data/recipes/tiny.json"
    plan.write_text(plan.read_text().replace(f'"epochs": {EPOCHS}', '"epochs": 1'))
    (checkout / "logs").touch()
    output = finish(checkout, environment)
    warnings = [line for line in output.splitlines() if line.startswith("warning: ")]
    assert "Traceback" not in output
    assert [line[:34] for line in warnings] == [
        "warning: TensorBoard does not show",
        "warning: logs/trainings cannot be ",
    ]
    assert (checkout / "models/tiny/training.json").exists()


NEEDED = ("errors", "files", "messages", "paths")


@pytest.mark.parametrize("stage", ["train", "ensemble"])
def test_an_unselected_recipe_writes_a_note_and_imports_almost_nothing(
    tmp_path, environment, stage
):
    write_json(tmp_path / "data/recipes/tiny.json", {"name": "tiny", "selected": False})
    code = (
        f"import sys; sys.argv[1:] = ['tiny']; from stages.{stage} import main; main(); "
        "print(*(name for name in sys.modules if name.startswith('src.'))); "
        "print(len(sys.modules.keys() - sys.stdlib_module_names - before))"
    )
    code = f"import sys; before = set(sys.modules); {code}"
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env={**environment, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    printed, modules, count = done.stdout.splitlines()
    assert printed == "tiny: not selected"
    expected = {"src.common", *(f"src.common.{name}" for name in NEEDED)}
    assert {*modules.split()} == expected
    assert int(count) < 40, "each recipe that is not selected pays for these imports"
    assert "excludes this" in (tmp_path / "models/tiny/not-selected.txt").read_text()


def test_only_train_and_evaluate_import_tensorflow(environment):
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
