"""Missing permissions; passwords; too little memory."""

from pathlib import Path

import pytest

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


def test_a_folder_that_is_not_writable_or_no_folder_is_one_sentence(
    checkout, shell, bound_by_permissions
):
    command, data = [*bound_by_permissions, "python", "-m", "stages.download"], checkout / "data"
    data.chmod(0o555)
    done = shell(command, checkout, fails=True)
    data.chmod(0o755)
    assert done.stderr.startswith("error: Permission denied")
    data.rename(checkout / "kept")
    data.touch()
    (line,) = shell(command, checkout, fails=True).stderr.splitlines()
    assert line.startswith("error: ") and "remove what is in the way" in line


def test_a_password_is_refused_or_hidden(checkout, shell, edit_params, free_port):
    address = f"postgresql://user:se/cret@127.0.0.1:{free_port()}/mlflow"
    command = ["python", "-m", "src.tracking.ui", "--port", str(free_port())]
    done = shell(command, checkout, fails=True, MLFLOW_TRACKING_URI=address)
    assert done.stderr.startswith("error: MLflow at postgresql://***@127.0.0.1:")
    assert "cret" not in done.stdout + done.stderr
    edit_params(checkout, data__mirrors=["http://user:se/cret@host.example/"])
    done = shell(["python", "-m", "stages.download"], checkout, fails=True)
    assert "belong in ~/.netrc" in done.stderr and "cret" not in done.stdout + done.stderr


@pytest.mark.expensive
def test_full_memory_is_one_sentence(tmp_path, write_plan, change_recipe, shell):
    write_plan(tmp_path, "wide", change_recipe("mlp_sigmoid", hidden=[100_000, 100_000]))
    done = shell(["python", "-c", LIMITED], tmp_path, fails=True, PYTHONPATH=str(ROOT))
    assert "error: the memory is full (OOM when allocating tensor with shape[1" in done.stderr
    assert "Traceback" not in done.stderr and not (tmp_path / "models").exists()
