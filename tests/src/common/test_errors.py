"""A stage ends with one sentence and a non-zero status on errors that the user can fix."""

import errno
import subprocess
import sys
from pathlib import Path

import pytest

from src.common.errors import PipelineError, run

ROOT = Path(__file__).parents[3]


def end(error: BaseException, is_stage: bool = True) -> str:
    def main():
        raise error

    with pytest.raises(SystemExit) as ended:
        run(main, is_stage)
    return ended.value.code


def test_a_pipeline_error_prints_its_message():
    assert end(PipelineError("x is missing")) == "error: x is missing"


def test_a_full_disk_prints_a_sentence():
    assert end(OSError(errno.ENOSPC, "No space left on device", "data/raw")) == (
        "error: No space left on device (data/raw); "
        "free space or allow access, then run `dvc repro`"
    )


def test_ctrl_c_prints_a_sentence():
    assert end(KeyboardInterrupt()).startswith("interrupted: no incomplete output was kept")


@pytest.mark.parametrize(
    "error", [OSError(errno.ENOSPC, "No space"), OSError(errno.EISDIR, "Is"), MemoryError("array")]
)
def test_the_advice_for_a_program_is_to_start_it_again(error):
    message = end(error, is_stage=False)
    assert message.endswith(", then start the same command again")
    assert "dvc repro" not in message + end(KeyboardInterrupt(), is_stage=False)


def test_only_stages_advise_to_run_the_stages_again():
    for path in (*(ROOT / "src").rglob("*.py"), *(ROOT / "stages").glob("*.py")):
        is_stage = "run(main, is_stage=True)" in path.read_text("utf-8")
        assert is_stage == (path.parent.name == "stages" and path.name != "__init__.py")


class ResourceExhaustedError(Exception):
    """As TensorFlow's."""


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (
            ResourceExhaustedError(
                "{{function_node __wrapped__Fill_device_/device:CPU:0}} OOM when allocating tensor "
                "with shape[9,9] and type float on /device:CPU:0 [Op:Fill] name: \n\nmore"
            ),
            "OOM when allocating tensor with shape[9,9]",
        ),
        (MemoryError("Unable to allocate 7. GiB"), "Unable to allocate 7. GiB"),
        (MemoryError(), "MemoryError"),
    ],
)
def test_full_memory_prints_a_sentence(error, reason):
    message = end(error)
    assert message.startswith(f"error: the memory is full ({reason}); decrease batch_size")
    assert "\n" not in message


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


@pytest.mark.parametrize("name", ["ENOTDIR", "EISDIR", "EEXIST"])
def test_a_file_in_place_of_a_folder_prints_a_sentence(name):
    assert end(OSError(getattr(errno, name), "Not a directory", "logs\x1b[2J/x")) == (
        r"error: Not a directory (logs\x1b[2J/x); "
        "remove or rename what is in the way, then run `dvc repro`"
    )


@pytest.mark.parametrize("encoding", ["latin-1", "gbk", "ascii"])
def test_no_text_fails_for_the_encoding_of_the_terminal(encoding, environment):
    code = "from src.common.errors import run; run(lambda: print('0.98–0.99 ✗ 手写'))"
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=Path(__file__).parents[3],
        env=environment | {"PYTHONIOENCODING": encoding},
        capture_output=True,
    )
    assert done.returncode == 0 and b"0.98" in done.stdout, done.stderr
