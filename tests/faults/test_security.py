"""No code runs from data, and nothing listens to others."""

import re
import subprocess
import sys

import pytest

from tests.conftest import ROOT

CODE = [path for folder in ("src", "stages") for path in (ROOT / folder).rglob("*.py")]


@pytest.mark.fault(
    "A pickle, a YAML tag, or an archive in place of data",
    sees="`error: … is damaged`, or the mistake in `params.yaml`",
    then="no code in it is run: NumPy without pickles, Keras in safe mode, YAML's safe loader",
)
def test_loaders_are_the_safe_ones():
    text = {path: path.read_text() for path in CODE}
    for path, code in text.items():
        assert not re.search(r"import (pickle|dill|joblib|shelve|marshal)", code), path
        assert not re.search(r"\b(eval|exec)\(", code), path
        assert not re.search(r"yaml\.(load|unsafe_load|full_load)\(", code), path
        for call in re.findall(r"(?:np\.load|np\.save)\([^\n]*", code):
            assert "allow_pickle=False" in call, (path, call)
        for call in re.findall(r"load_model\((?!folder|self|best)[^\n]*", code):
            assert "safe_mode=True" in call or "paths.MODELS" in call, (path, call)
        assert "shell=True" not in code, path
        assert not re.search(r"(extractall|unpack_archive)", code), path


@pytest.mark.fault(
    "Other machines that try the UI, TensorBoard, the page to draw on",
    sees="nothing",
    then="they listen on 127.0.0.1 only; the page refuses other sites' names",
)
def test_servers_listen_on_this_machine_only():
    makefile = (ROOT / "Makefile").read_text()
    for command in re.findall(r"(?:mlflow server|tensorboard --logdir)[^#]*?\n\n", makefile, re.S):
        assert "--host 127.0.0.1" in command
    assert 'default="127.0.0.1"' in (ROOT / "src/demo.py").read_text()


@pytest.mark.fault(
    "Weak spots in the code",
    sees="`bandit` names them",
    then="there is none; the few that are none are named in pyproject.toml, or beside the code",
)
def test_bandit_finds_nothing():
    done = subprocess.run(
        [sys.executable, "-m", "bandit", "-q", "-c", "pyproject.toml", "-r", "src", "stages"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout
