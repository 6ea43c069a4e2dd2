"""Files cannot run code, and servers accept connections from this machine only."""

import json
from pathlib import Path

import numpy as np
import pytest

from src.common.errors import PipelineError
from src.config.params import load_params
from src.data.splits import load_split

ROOT = Path(__file__).parents[2]


class RunsCode:
    """An object whose pickle creates a file when it is loaded."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), "w")


@pytest.mark.fault(
    "A pickle in place of an array",
    sees="`error: … is damaged …; run dvc repro --force preprocess, then dvc repro`",
    then="the code in the pickle does not run",
)
def test_a_pickle_in_place_of_an_array_is_refused(tmp_path):
    for name in ("training", "test"):
        (tmp_path / name).mkdir()
    (tmp_path / "training/dataset.json").write_text(json.dumps({"height": 1, "width": 1}))
    labels = np.array([RunsCode(tmp_path / "created")], object)
    np.save(tmp_path / "test/test_labels.npy", labels, allow_pickle=True)
    with pytest.raises(PipelineError, match=r"test_labels\.npy is damaged"):
        load_split(tmp_path, "test")
    assert not (tmp_path / "created").exists()


@pytest.mark.fault(
    "A YAML tag in `params.yaml` that calls a Python function",
    sees="`error: params.yaml is not valid YAML: …`",
    then="the function is not called",
)
def test_a_yaml_tag_is_refused(tmp_path):
    path = tmp_path / "params.yaml"
    path.write_text(f"model: !!python/object/apply:os.mkdir ['{tmp_path / 'created'}']")
    with pytest.raises(PipelineError, match="is not valid YAML"):
        load_params(path)
    assert not (tmp_path / "created").exists()


@pytest.mark.fault(
    "A password in `params.yaml`, in the address of the MLflow store or of a proxy",
    sees="`error: params.yaml has a mistake: …: remove it; … ~/.netrc …`; elsewhere, `***` in "
    "place of the password",
    then="no file, run in MLflow or `dvc.lock` contains the password of a mirror",
)
def test_a_password_is_refused_or_hidden(checkout, shell, edit_params, free_port):
    address = f"postgresql://user:se/cret@127.0.0.1:{free_port()}/mlflow"
    command = ["python", "-m", "src.tracking.ui", "--port", str(free_port())]
    done = shell(command, checkout, fails=True, MLFLOW_TRACKING_URI=address)
    assert done.stderr.startswith("error: MLflow at postgresql://***@127.0.0.1:")
    assert "cret" not in done.stdout + done.stderr
    edit_params(checkout, data__mirrors=["http://user:se/cret@host.example/"])
    done = shell(["python", "-m", "stages.download"], checkout, fails=True)
    assert "belong in ~/.netrc" in done.stderr and "cret" not in done.stdout + done.stderr


@pytest.mark.fault(
    "Escape codes for the terminal in the answer of a server",
    sees=r"the message with `\x1b` in place of the code",
    then="as after any other failure of this server",
)
def test_escape_codes_are_not_printed(checkout, shell, web_server):
    def respond(handler):
        body = json.dumps({"error_code": "BAD_REQUEST", "message": "\x1b[2Jred"}).encode()
        handler.send_response(400)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    command = ["python", "-m", "src.tracking.ui"]
    with web_server(respond, respond) as address:
        done = shell(command, checkout, fails=True, MLFLOW_TRACKING_URI=address)
    assert r"\x1b[2Jred" in done.stderr and "\x1b" not in done.stderr
