"""The lists of modules in ``dvc.yaml``, held against what each stage really imports."""

import ast
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parent.parent
STAGES = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"]
# They speak or keep watch, and shape no output: editing one must not retrain anything.
SILENT = {
    *("src/errors.py", "src/imports.py", "src/mistakes.py", "src/progress.py"),
    *("src/describe.py", "src/tensorboard.py"),
}


def imported(module: Path) -> set[str]:
    """The project's modules that a module imports, anywhere in it."""
    found = set()
    nodes = list(ast.parse((ROOT / module).read_text()).body)
    while nodes:
        node = nodes.pop()
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            continue
        nodes += ast.iter_child_nodes(node)
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        else:
            continue
        paths = {name.replace(".", "/") + ".py" for name in names if name.startswith("src")}
        found |= {path for path in paths if (ROOT / path).exists()}
    return found


def reached(module: str) -> set[str]:
    """The modules that a change of outputs can come from: all that is imported, at any depth."""
    seen, queue = set(), [module]
    while queue:
        seen.add(current := queue.pop())
        queue += imported(Path(current)) - seen - SILENT
    return seen


def stage_block(name: str) -> dict:
    return STAGES[name].get("do", STAGES[name])


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_depends_on_the_modules_it_imports(stage):
    listed = {dep for dep in stage_block(stage)["deps"] if dep.endswith(".py")}
    assert listed == reached(f"stages/{stage}.py")


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_runs_its_module(stage):
    assert stage_block(stage)["cmd"].startswith(f"python -m stages.{stage}")


@pytest.mark.parametrize("path", sorted((ROOT / "stages").glob("[a-z]*.py")), ids=lambda p: p.stem)
def test_ctrl_c_during_a_stages_imports_ends_with_a_sentence(path):
    """What takes time is imported within ``main``, which ``errors.run`` watches over."""
    first = [node for node in ast.parse(path.read_text()).body if "Import" in type(node).__name__]
    modules = {getattr(node, "module", None) or node.names[0].name for node in first}
    assert modules <= {"os", "sys", "typing", "src.common.errors"}


def test_only_evaluate_reads_the_test_split():
    """Every call of ``load_split`` names its split, or is known here."""
    readers = {}
    for path in [*(ROOT / "stages").glob("*.py"), *(ROOT / "src").rglob("*.py")]:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and getattr(node.func, "id", None) == "load_split":
                split = getattr(node.args[1], "value", None)
                known = split if isinstance(split, str) else "any"
                readers.setdefault(path.name, set()).add(known)
    # With `predict` and `pictures` people choose images to look at; nothing is chosen by them.
    assert readers == {
        "evaluate.py": {"test", "validation"},
        "job.py": {"train", "validation"},
        "predict.py": {"test"},
        "pictures.py": {"any"},
        "preprocess.py": {"train"},
    }


def test_only_tracking_imports_mlflow():
    users = {
        path.parent.name
        for folder in ("stages", "src")
        for path in (ROOT / folder).rglob("*.py")
        if "import mlflow" in path.read_text() or "from mlflow" in path.read_text()
    }
    assert users == {"tracking"}
