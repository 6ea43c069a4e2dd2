"""Imports hide packages and restore the garbage collector; TensorFlow is imported quietly."""

import subprocess
import sys

import pytest


@pytest.mark.parametrize("module", ["data.loader", "training.setup", "callbacks.training"])
def test_tensorflow_is_imported_quietly_and_without_unused_packages(module):
    code = (
        f"import src.{module}, sys; "
        "print([name for name in ('sklearn', 'matplotlib', 'scipy.stats') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("[]\n", "")
