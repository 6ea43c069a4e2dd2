"""The plan stage as a process: each of the three YAML files is validated before any training."""

import json
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FAMILIES = ["cnn", "convnet", "mlp", "softmax"]


@pytest.fixture
def plan(tmp_path, write_params, shell):
    """Run the stage with changed files, and return its output."""

    def plan(changes, fails=False):
        write_params(changes)
        done = shell(["python", "-m", "stages.plan"], tmp_path, fails, PYTHONPATH=str(ROOT))
        return done.stderr if fails else done.stdout

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


def test_values_that_train_replaces_are_printed(plan, tmp_path):
    output = plan({"model": "cnn", "train.epochs": 1, "train.learning_rate": 0.1})
    assert output == (
        "plan: train cnn, with train.epochs=1, train.learning_rate=0.1 in place of their own "
        "values\n"
    )
    (recipe,) = json.loads((tmp_path / "data/plan/cnn.json").read_text())["recipes"]
    assert recipe["recipe"]["epochs"] == 1 and recipe["recipe"]["optimizer"]["learning_rate"] == 0.1


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"train.sede": 1}, "params.yaml has a mistake:\n  train.sede: unknown key (did you mean"),
        ({"model": "cnnn"}, "params.yaml: model: found 'cnnn': there is no such recipe, family o"),
        ({"models.cnn.epoch": 1}, "recipes.yaml has a mistake:\n  cnn.epoch: unknown key (did yo"),
        (
            {"published.cnnn": {"fingerprint": "0" * 12}},
            "published.yaml has a mistake:\n  cnnn: there is no recipe of this name (did you mea",
        ),
    ],
)
def test_a_mistake_stops_it(plan, tmp_path, changes, expected):
    assert plan(changes, fails=True).startswith(f"error: {expected}")
    assert not (tmp_path / "data").exists()
