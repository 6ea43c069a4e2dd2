"""A training that cannot end well: too little memory, or weights that become NaN."""

from pathlib import Path

import pytest

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[2]
# Without this limit, the system may promise more memory than there is, and kill the process later.
LIMITED = """
import resource, sys
resource.setrlimit(resource.RLIMIT_AS, (30 << 30,) * 2)
sys.argv[1:] = ["mlp"]
from src.common.errors import run
from stages.train import main
run(main, is_stage=True)
"""
STEEP = {
    "optimizer": {"kind": "sgd", "learning_rate": 1000.0, "momentum": 0.9},
    "weights": {"kind": "glorot_uniform"},
    **{"l2": 1000.0, "hidden": [20], "epochs": None, "steps": 7},
}


@pytest.fixture
def error_of(tmp_path, write_plan, change_recipe, shell):
    """Return what a training that fails prints."""

    def train(command: list[str], memory_limit: float | str = "auto", **changes) -> str:
        recipe = change_recipe("mlp_sigmoid", **changes)
        write_plan(tmp_path, "changed", recipe, memory_limit=memory_limit)
        done = shell(["python", *command], tmp_path, fails=True, PYTHONPATH=str(ROOT))
        assert "Traceback" not in done.stderr
        assert not (tmp_path / "models").exists()
        return done.stderr

    return train


@pytest.mark.fault(
    "A recipe that needs more memory than the machine has, or than `train.memory_limit`",
    sees="`error: … needs about … GB of memory, but …`, from its training",
    then="its training does not begin; the sentence says what to change",
)
def test_a_recipe_that_needs_too_much_memory_is_refused(error_of):
    error = error_of(["-m", "stages.train", "mlp"], memory_limit=1.5, hidden=[8000, 8000])
    assert "error: changed needs about 2.2 GB of memory, but train.memory_limit is 1.5" in error


@pytest.mark.fault(
    "The memory is full during a stage",
    sees="`error: the memory is full (…); close other programs, or decrease batch_size, …`",
    then="no incomplete output is kept; with more memory, `dvc repro` continues",
)
def test_full_memory_is_one_sentence(error_of):
    error = error_of(["-c", LIMITED], hidden=[100_000, 100_000])
    assert "error: the memory is full (OOM when allocating tensor with shape[1" in error


@pytest.mark.fault(
    "A weight becomes NaN or infinite, also in the last step",
    sees="`error: a weight became NaN or infinite between steps …; lower learning_rate or …`",
    then="no model is kept; change the recipe and run `dvc repro`",
)
def test_a_weight_that_becomes_nan_is_one_sentence(error_of):
    error = error_of(["-m", "stages.train", "mlp"], **STEEP)
    assert "error: a weight became NaN or infinite between steps 0 and 7 of 7;" in error
