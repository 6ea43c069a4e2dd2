"""How a stage ends: a sentence and a non-zero status for what a user can mend."""

import errno

import pytest

from src.common.errors import PipelineError, run


def end(error: BaseException) -> str:
    def main():
        raise error

    with pytest.raises(SystemExit) as ended:
        run(main)
    return ended.value.code


def test_a_pipeline_error_is_its_sentence():
    assert end(PipelineError("x is missing")) == "error: x is missing"


def test_a_full_disk_is_a_sentence():
    assert end(OSError(errno.ENOSPC, "No space left on device", "data/raw")) == (
        "error: No space left on device (data/raw); make room or give access, then run `dvc repro`"
    )


def test_an_interrupt_is_a_sentence():
    assert end(KeyboardInterrupt()).startswith("interrupted: nothing half-written was kept")


def test_a_defect_keeps_its_traceback():
    with pytest.raises(ZeroDivisionError):
        run(lambda: 1 / 0)
