"""A training that cannot end well: too little memory, or weights that become NaN."""

from pathlib import Path

import pytest

from src.common.errors import PipelineError
from src.config.params import load_params
from src.models.size import check_memory

ROOT = Path(__file__).parents[2]
PARAMS = load_params(ROOT / "params.yaml")
# Without this limit, the system may promise more memory than there is, and kill the process later.
LIMITED = """
import resource, sys
resource.setrlimit(resource.RLIMIT_AS, (30 << 30,) * 2)
sys.argv[1:] = ["wide"]
from src.common.errors import run
from stages.train import main
run(main)
"""


@pytest.mark.fault(
    "A recipe that needs more memory than the machine has, or than `train.memory_limit`",
    sees="`error: models.… needs about … GB of memory for images of …, but …`, from `plan`",
    then="nothing is trained; the sentence says what to change",
)
@pytest.mark.parametrize(
    ("name", "changes", "limit", "side"),
    [
        ("cnn", {}, 2.0, 128),
        ("cnn", {}, 2.0, 224),
        ("mlp_sigmoid", {"hidden": [100_000, 100_000]}, "auto", 28),
    ],
)
def test_a_recipe_that_needs_too_much_memory_is_refused(change_recipe, name, changes, limit, side):
    train = PARAMS.train.model_copy(update={"memory_limit": limit, "device": "cpu"})
    recipe = change_recipe(name, **changes)
    with pytest.raises(PipelineError, match=rf"^models\.{name} needs about \d+\.\d GB of memory"):
        check_memory(name, recipe, train, (1000, side, side), 10)


@pytest.mark.slow
@pytest.mark.fault(
    "The memory is full during a stage",
    sees="`error: the memory is full (…); close other programs, or decrease batch_size, …`",
    then="no incomplete output is kept; with more memory, `dvc repro` continues",
)
def test_full_memory_is_one_sentence(tmp_path, write_plan, change_recipe, shell):
    recipe = change_recipe("mlp_sigmoid", hidden=[100_000, 100_000])
    write_plan(tmp_path, "wide", recipe.model_dump(exclude={"published"}, exclude_none=True))
    done = shell(["python", "-c", LIMITED], tmp_path, fails=True, PYTHONPATH=str(ROOT))
    assert "error: the memory is full (OOM when allocating tensor with shape[1" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "models").exists()


@pytest.mark.slow
@pytest.mark.fault(
    "A weight becomes NaN or infinite, also in the last step",
    sees="`error: a weight became NaN or infinite between steps …; lower learning_rate or …`",
    then="no model is kept; change the recipe and run `dvc repro`",
)
def test_a_weight_that_becomes_nan_is_one_sentence(tmp_path, write_plan, change_recipe, shell):
    recipe = change_recipe(
        "mlp_sigmoid",
        optimizer={"kind": "sgd", "learning_rate": 1000.0, "momentum": 0.9},
        weights={"kind": "glorot_uniform"},
        **{"l2": 1000.0, "hidden": [20], "epochs": None, "steps": 7},
    )
    write_plan(tmp_path, "steep", recipe.model_dump(exclude={"published"}, exclude_none=True))
    command = ["python", "-m", "stages.train", "steep"]
    done = shell(command, tmp_path, fails=True, PYTHONPATH=str(ROOT))
    assert "error: a weight became NaN or infinite between steps 0 and 7 of 7;" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "models").exists()
