"""The train stage as a process: recipes that do not affect each other, and what is not repeated."""

import shutil
from pathlib import Path

import pytest

from src.common.files import sha256, write_json
from src.models import artifacts

ROOT = Path(__file__).parents[2]


@pytest.fixture
def run(shell):
    """Run the stage of a family, mlp, after the outputs are removed, as DVC does."""

    def run_stage(checkout: Path, fails: bool = False) -> str:
        shutil.rmtree(checkout / "models", ignore_errors=True)
        variables = {"PYTHONPATH": str(ROOT), "DVC_ROOT": str(checkout)}
        done = shell(["python", "-m", "stages.train", "mlp"], checkout, fails, **variables)
        return done.stdout + done.stderr

    return run_stage


def contents(folder: Path) -> dict[str, str]:
    """The digest of each file."""
    return {path.name: sha256(path) for path in folder.iterdir()}


@pytest.mark.slow
def test_a_recipe_gives_the_same_files_alone_and_after_others(
    tmp_path, write_plan, change_recipe, run
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
        assert "mlp_65x2: validation accuracy" in run(each)
    alone, after = (contents(each / "models/mlp/mlp_65x2") for each in (alone, after))
    assert alone.keys() == {"model.keras", "history.csv", "training.json", artifacts.BY_EPOCH}
    assert after == alone


def test_a_failing_recipe_does_not_lose_the_complete_ones(tmp_path, write_plan, change_recipe, run):
    short = change_recipe("mlp_65x2", epochs=1)
    steep = {"optimizer": {"kind": "sgd", "learning_rate": 1000.0}, "bias": {"kind": "zeros"}}
    write_plan(tmp_path, "kept", short, keep_epochs=True)
    write_plan(tmp_path, "fails", change_recipe("mlp_65x2", **steep))
    output = run(tmp_path, fails=True)
    assert "error: the loss became NaN or infinite" in output and "Traceback" not in output
    complete = contents(tmp_path / "models/mlp/kept")
    write_plan(tmp_path, "fails", short)
    output = run(tmp_path)
    assert "kept: already trained" in output and "kept: validation" not in output
    assert "fails: validation accuracy" in output
    assert contents(tmp_path / "models/mlp/kept") == complete


def test_a_family_that_is_not_selected_writes_a_note_and_imports_almost_nothing(tmp_path, shell):
    write_json(tmp_path / "data/plan/mlp.json", {"recipes": []})
    code = (
        "import sys; sys.argv[1:] = ['mlp']; from stages.train import main; main(); "
        "print({'tensorflow', 'numpy', 'pandas', 'yaml', 'mlflow'} & set(sys.modules))"
    )
    done = shell(["python", "-c", code], tmp_path, PYTHONPATH=str(ROOT))
    assert done.stdout == "set()\n"
    assert "selects no recipe" in (tmp_path / "models/mlp/not-selected.txt").read_text()
