"""The train stage as a process: recipes that do not affect each other, and what is not repeated."""

import random
import shutil
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
def start(environment):
    """Start the stage of a family, mlp, in a folder."""

    def start(checkout: Path) -> subprocess.Popen[str]:
        variables = {"PYTHONPATH": str(ROOT), "DVC_ROOT": str(checkout), "PYTHONUNBUFFERED": "1"}
        return subprocess.Popen(
            [sys.executable, "-m", "stages.train", "mlp"],
            cwd=checkout,
            env={**environment, **variables},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    return start


@pytest.fixture
def finish(start):
    """Run the stage to its end, after the outputs are removed, as DVC does; return its output."""

    def finish(checkout: Path, fails: bool = False) -> str:
        shutil.rmtree(checkout / "models", ignore_errors=True)
        process = start(checkout)
        output, _ = process.communicate(timeout=300)
        assert (process.returncode != 0) == fails, output
        return output

    return finish


@pytest.fixture
def checkout(tmp_path, write_plan, change_recipe) -> Path:
    """The inputs of the stage: the preprocessed digits, and a plan with one recipe."""
    write_plan(tmp_path, "tiny", change_recipe("mlp_dropout", epochs=EPOCHS), keep_epochs=True)
    return tmp_path


def contents(folder: Path) -> dict[str, str]:
    """The digest of each file."""
    return {path.name: sha256(path) for path in folder.iterdir()}


@pytest.mark.expensive
def test_killed_at_a_random_time_it_ends_with_the_uninterrupted_weights(checkout, start, finish):
    output, folder = finish(checkout), checkout / "models/mlp/tiny"
    assert "resuming from" not in output
    complete = contents(folder)
    (saved,) = (checkout / ".checkpoints").glob("*.npz")
    row = np.load(folder / artifacts.BY_EPOCH, mmap_mode="r")[0].nbytes
    assert saved.stat().st_size < 3 * row, "it has the weights of each epoch"
    shutil.rmtree(checkout / "models")
    shutil.rmtree(checkout / ".checkpoints")  # of the complete training
    process = start(checkout)
    last_line = random.Random(1).randrange(EPOCHS // 2, EPOCHS)
    for number, _ in enumerate(process.stdout):
        if number == last_line:
            break
    process.kill()
    process.wait()
    assert not (folder / artifacts.RECORD).exists()
    assert "resuming from step" in finish(checkout)
    assert contents(folder) == complete


@pytest.mark.slow
def test_a_recipe_gives_the_same_files_alone_and_after_others(
    tmp_path, write_plan, change_recipe, finish
):
    """Those of two families, with other shapes, precisions and programs, in one process."""
    short = {"epochs": 2, "steps": None, "validate_every": None}
    recipe = change_recipe("mlp_65x2", **short)
    before = {name: change_recipe(name, **short) for name in ("mlp_ema", "tiny_convnet")}
    plans = [write_plan(tmp_path / "after", name, each) for name, each in before.items()]
    last = write_plan(tmp_path / "after", "mlp_65x2", recipe, keep_epochs=True)
    write_json(tmp_path / "after/data/plan/mlp.json", {"recipes": [*plans, last]})
    write_plan(tmp_path / "alone", "mlp_65x2", recipe, keep_epochs=True)
    alone, after = tmp_path / "alone", tmp_path / "after"
    for each in (alone, after):
        assert "mlp_65x2: validation accuracy" in finish(each)
    alone, after = (contents(each / "models/mlp/mlp_65x2") for each in (alone, after))
    assert alone.keys() == {"model.keras", "history.csv", "training.json", artifacts.BY_EPOCH}
    assert after == alone


def test_a_failing_recipe_does_not_lose_the_complete_ones(
    tmp_path, write_plan, change_recipe, finish
):
    short = change_recipe("mlp_65x2", epochs=1)
    steep = {"optimizer": {"kind": "sgd", "learning_rate": 1000.0}, "bias": {"kind": "zeros"}}
    write_plan(tmp_path, "kept", short, keep_epochs=True)
    write_plan(tmp_path, "fails", change_recipe("mlp_65x2", **steep))
    output = finish(tmp_path, fails=True)
    assert "error: the loss became NaN or infinite" in output and "Traceback" not in output
    complete = contents(tmp_path / "models/mlp/kept")
    write_plan(tmp_path, "fails", short)
    output = finish(tmp_path)
    assert "kept: already trained" in output and "kept: validation" not in output
    assert "fails: validation accuracy" in output
    assert contents(tmp_path / "models/mlp/kept") == complete


def test_a_file_in_place_of_the_folder_of_logs_costs_only_the_logs(
    tmp_path, write_plan, change_recipe, finish
):
    write_plan(tmp_path, "tiny", change_recipe("mlp_dropout", epochs=1))
    (tmp_path / "logs").touch()
    output = finish(tmp_path)
    warnings = [line for line in output.splitlines() if line.startswith("warning: ")]
    assert "Traceback" not in output
    assert [line[:34] for line in warnings] == ["warning: TensorBoard does not show"]
    assert (tmp_path / "models/mlp/tiny/training.json").exists()


def test_a_family_that_is_not_selected_writes_a_note_and_imports_almost_nothing(
    tmp_path, environment
):
    write_json(tmp_path / "data/plan/mlp.json", {"recipes": []})
    code = (
        "import sys; sys.argv[1:] = ['mlp']; from stages.train import main; main(); "
        "print({'tensorflow', 'numpy', 'pandas', 'yaml', 'mlflow'} & set(sys.modules))"
    )
    variables = {**environment, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", code]
    assert subprocess.check_output(command, cwd=tmp_path, env=variables, text=True) == "set()\n"
    assert "selects no recipe" in (tmp_path / "models/mlp/not-selected.txt").read_text()
