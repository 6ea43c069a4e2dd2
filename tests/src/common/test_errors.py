"""A stage ends with one sentence and a non-zero status on errors that the user can fix."""

import errno
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from src.common.errors import PipelineError, run

ROOT = Path(__file__).parents[3]


class ResourceExhaustedError(Exception):
    """As TensorFlow's."""


OOM = ResourceExhaustedError(
    "{{function_node __wrapped__Fill_device_/device:CPU:0}} OOM when allocating tensor "
    "with shape[9,9] and type float on /device:CPU:0 [Op:Fill] name: \n\nmore"
)
FULL = OSError(errno.ENOSPC, "No space left on device", "data/raw")
IN_THE_WAY = OSError(errno.ENOTDIR, "Not a directory", "logs\x1b[2J/x")


def end(error: BaseException, is_stage: bool = True) -> str:
    def main():
        raise error

    with pytest.raises(SystemExit) as ended:
        run(main, is_stage)
    return ended.value.code


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (PipelineError("x is missing"), "error: x is missing"),
        (FULL, "error: No space left on device (data/raw); free space, allow access, or remove"),
        (IN_THE_WAY, r"error: Not a directory (logs\x1b[2J/x); free space, allow access"),
        (KeyboardInterrupt(), "interrupted: no incomplete output was kept"),
        (OOM, "error: the memory is full (OOM when allocating tensor with shape[9,9]); decrease"),
        (MemoryError(), "error: the memory is full (MemoryError); decrease batch_size"),
    ],
)
def test_an_error_that_the_user_can_fix_is_one_sentence(error, expected):
    message = end(error)
    assert message.startswith(expected) and "\n" not in message
    assert "dvc repro" not in end(error, is_stage=False)


def test_only_stages_advise_to_run_the_stages_again():
    for path in (*(ROOT / "src").rglob("*.py"), *(ROOT / "stages").glob("*.py")):
        is_stage = "run(main, is_stage=True)" in path.read_text("utf-8")
        assert is_stage == (path.parent.name == "stages" and path.name != "__init__.py")


@pytest.mark.parametrize("module", ["stages.train", "src.apps.predict"])
def test_without_the_environment_a_sentence_says_what_to_do(module):
    without_packages = [sys.executable, "-S", "-m", module, "cnn"]
    done = subprocess.run(without_packages, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr.startswith(f"error: {sys.executable} lacks the packages")
    assert len(done.stderr.splitlines()) == 1


def test_a_bug_keeps_its_traceback():
    with pytest.raises(ZeroDivisionError):
        run(lambda: 1 / 0)


@pytest.mark.parametrize("encoding", ["latin-1", "gbk", "ascii"])
def test_no_text_fails_for_the_encoding_of_the_terminal(encoding, environment):
    code = "from src.common.errors import run; run(lambda: print('0.98–0.99 ✗ 手写'))"
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env=environment | {"PYTHONIOENCODING": encoding},
        capture_output=True,
    )
    assert done.returncode == 0 and b"0.98" in done.stdout, done.stderr


PIPELINE = """
stages:
  plan:
    params: [model, data.seed]
    deps: [code]
  train:
    foreach: [softmax, cnn]
    do:
      deps: [code/a.py, "data/${item}.json"]
"""


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shutil.copy(ROOT / ".dvcignore", ".")
    Path("dvc.yaml").write_text(PIPELINE)
    Path("params.yaml").write_text("model: all\ndata: {seed: 1}\n")
    for name in ("code/a.py", "code/sub/b.py", "code/__pycache__/a.pyc", "data/cnn.json"):
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_text("1")


def edit(name, text="2 2"):
    Path(name).write_text(text)


@pytest.mark.parametrize(
    ("stage", "change", "named"),
    [
        ("train@cnn", Path("data/cnn.json").unlink, r"data/cnn\.json"),
        ("plan", lambda: edit("code/sub/new.py"), "code/sub/new.py"),
        ("plan", lambda: os.utime("code/sub/b.py", ns=(1, 1)), "code/sub/b.py"),
        ("plan", lambda: (edit("params.yaml"), edit("code/a.py")), "code/a.py"),
        # What the stage does not depend on, and files of editors and of Python
        ("train@cnn", lambda: (edit("params.yaml"), edit("code/sub/b.py")), None),
        ("plan", lambda: (edit("code/__pycache__/a.pyc"), edit("code/.a.py.swp")), None),
        ("", lambda: edit("code/a.py"), None),  # started without DVC
    ],
)
def test_a_stage_fails_if_an_input_changes(checkout, monkeypatch, stage, change, named):
    monkeypatch.setenv("DVC_STAGE", stage)
    if not named:
        run(change, is_stage=True)
        return
    with pytest.raises(SystemExit, match=f"error: {named} changed while the stage {stage} ran"):
        run(change, is_stage=True)
