"""Imports hide packages and restore the garbage collector; TensorFlow is imported quietly."""

import gc
import subprocess
import sys

import pytest

from src.common.imports import lean_import


@pytest.mark.parametrize("enabled", [True, False])
def test_the_garbage_collector_is_restored(enabled):
    if not enabled:
        gc.disable()
    try:
        with pytest.raises(ZeroDivisionError), lean_import():
            assert not gc.isenabled()
            raise ZeroDivisionError
        assert gc.isenabled() == enabled
    finally:
        gc.enable()


@pytest.mark.parametrize("module", ["data.loader", "training.setup", "callbacks.setup"])
def test_tensorflow_is_imported_quietly_and_without_unused_packages(module):
    code = (
        f"import src.{module}, sys; "
        "print([name for name in ('sklearn', 'matplotlib', 'scipy.stats') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("[]\n", "")
