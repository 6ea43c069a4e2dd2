"""Packages that are absent for a while, and the garbage collector as it was."""

import gc
import subprocess
import sys

import pytest

from src.common.imports import lean_import


def test_an_absent_package_is_there_again_afterwards(monkeypatch):
    monkeypatch.delitem(sys.modules, "wave", raising=False)
    with lean_import(without=["wave"]), pytest.raises(ImportError):
        import wave
    import wave

    assert wave.open


def test_a_package_that_was_imported_before_stays():
    with lean_import(without=["json"]):
        import json
    assert json.loads("1") == 1


@pytest.mark.parametrize("collecting", [True, False])
def test_garbage_is_collected_as_before(collecting):
    if not collecting:
        gc.disable()
    try:
        with pytest.raises(ZeroDivisionError), lean_import():
            assert not gc.isenabled()
            raise ZeroDivisionError
        assert gc.isenabled() == collecting
    finally:
        gc.enable()


def test_tensorflow_brings_neither_scikit_learn_nor_matplotlib():
    code = (
        "import src.models.device, sys, src.training.trainer; "
        "print([name for name in ('sklearn', 'matplotlib', 'scipy.stats') if name in sys.modules])"
    )
    told = subprocess.check_output([sys.executable, "-c", code], text=True)
    assert told == "[]\n"
