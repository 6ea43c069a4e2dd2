"""Missing permissions; passwords; too little memory; pickles."""

import json
from pathlib import Path

import numpy as np
import pytest

from src.common.errors import PipelineError
from src.data.splits import load_split

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


class RunsCode:
    """An object whose pickle creates a file when it is loaded."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), "w")


def test_a_pickle_in_place_of_an_array_is_refused(tmp_path):
    for name in ("training", "test"):
        (tmp_path / name).mkdir()
    (tmp_path / "training/dataset.json").write_text(json.dumps({"height": 1, "width": 1}))
    labels = np.array([RunsCode(tmp_path / "created")], object)
    np.save(tmp_path / "test/test_labels.npy", labels, allow_pickle=True)
    with pytest.raises(PipelineError, match=r"test_labels\.npy is damaged"):
        load_split(tmp_path, "test")
    assert not (tmp_path / "created").exists()
