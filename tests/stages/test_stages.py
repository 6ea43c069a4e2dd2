"""The stages plan, evaluate and compare as processes: what is missing or wrong is one sentence."""

import json
import shutil
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FAMILIES = ["cnn", "convnet", "mlp", "softmax"]


@pytest.fixture
def stage(tmp_path, shell):
    """Run a stage in the folder of the test; return its output, or the error if it fails."""

    def run(name: str, fails: bool = False) -> str:
        done = shell(["python", "-m", f"stages.{name}"], tmp_path, fails, PYTHONPATH=str(ROOT))
        assert "Traceback" not in done.stderr
        return done.stderr if fails else done.stdout

    return run


@pytest.fixture
def plan(stage, write_params):
    """Run the stage plan with changed files, and return its output."""

    def plan(changes, fails=False):
        write_params(changes)
        return stage("plan", fails)

    return plan


def test_each_family_has_a_file_that_depends_only_on_its_recipes(plan, tmp_path):
    def files() -> dict[str, str]:
        return {path.stem: path.read_text() for path in (tmp_path / "data/plan").iterdir()}

    assert plan({"model": ["cnn", "mlp_200"]}) == "plan: train mlp_200, cnn\n"
    first = files()
    assert sorted(first) == FAMILIES
    assert json.loads(first["softmax"]) == {"recipes": []}
    plan({"model": ["cnn", "softmax"], "models.mlp_200.steps": 5, "registry.minimum_skill": 0})
    assert {family for family in FAMILIES if files()[family] != first[family]} == {"mlp", "softmax"}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"train.sede": 1}, "params.yaml has a mistake:\n  train.sede: unknown key (did you mean"),
        ({"model": "cnnn"}, "params.yaml: model: found 'cnnn': there is no such recipe, family o"),
        ({"models.cnn.epoch": 1}, "recipes.yaml has a mistake:\n  cnn.epoch: unknown key (did yo"),
        ({"published.cnnn": {"fingerprint": "0" * 12}}, "published.yaml has a mistake:\n  cnnn: "),
    ],
)
def test_a_mistake_stops_the_plan(plan, tmp_path, changes, expected):
    assert plan(changes, fails=True).startswith(f"error: {expected}")
    assert not (tmp_path / "data").exists()


def test_without_results_of_earlier_stages_evaluate_and_compare_stop(
    tmp_path, write_plan, tiny_recipe, stage
):
    write_plan(tmp_path, "tiny", tiny_recipe)
    shutil.copy(ROOT / "published.yaml", tmp_path)
    assert "error: models has no trained model; run `dvc repro`" in stage("evaluate", fails=True)
    expected = "error: data/predictions has no results; run `dvc repro evaluate`\n"
    assert stage("compare", fails=True) == expected
    assert not (tmp_path / "metrics").exists()


@pytest.mark.parametrize("name", ["download", "plan", "preprocess", "compare"])
def test_only_train_and_evaluate_import_tensorflow(shell, name):
    code = f"import sys, stages.{name}; print({{'tensorflow', 'mlflow'}} & set(sys.modules))"
    assert shell(["python", "-c", code], ROOT).stdout == "set()\n"
