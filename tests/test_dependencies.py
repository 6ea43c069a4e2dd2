"""The ``deps:`` lists in ``dvc.yaml`` agree with the imports of each stage."""

from pathlib import Path

import grimp
import pytest
import yaml

ROOT = Path(__file__).parent.parent
STAGES = {
    name: stage.get("do", stage)
    for name, stage in yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"].items()
}
SETTINGS = "src.common.tensorflow"  # they change the weights
# An edit of these packages changes no output of a stage: paths, messages, progress, MLflow.
WITHOUT_OUTPUT = {"src/common", "src/callbacks", "src/tracking"}
MOST_DEPS = 8


@pytest.fixture(scope="module")
def graph():
    return grimp.build_graph("src", "stages", exclude_type_checking_imports=True)


def package(module: str) -> str:
    """``src/training`` for ``src.training.network``; of the settings, the file."""
    if module == SETTINGS:
        return f"{module.replace('.', '/')}.py"
    return "/".join(module.split(".")[:2])


def imported_packages(graph, stage: str) -> set[str]:
    """The packages that the module of a stage imports, directly or through other modules."""
    found, queue = set(), {f"stages.{stage}"}
    while queue:
        found.add(module := queue.pop())
        imports = graph.find_modules_directly_imported_by(module)
        queue |= {each for each in imports if package(each) not in WITHOUT_OUTPUT} - found
    return {package(module) for module in found if module.startswith("src.")}


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_depends_on_the_packages_that_it_imports(graph, stage):
    code = {dep for dep in STAGES[stage]["deps"] if dep.startswith(("src", "stages"))}
    own = "stages/train.py" if stage == "train" else "stages"  # other stages take seconds
    assert code == imported_packages(graph, stage) | {own}


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_runs_its_module_and_has_few_dependencies(stage):
    assert len(STAGES[stage]["deps"]) <= MOST_DEPS
    assert STAGES[stage]["cmd"].startswith(f"python -m stages.{stage}")


def test_only_evaluate_depends_on_the_test_split():
    readers = {
        name
        for name, stage in STAGES.items()
        if {"data/processed", "data/processed/test"} & set(stage["deps"])
    }
    assert readers == {"evaluate"}
