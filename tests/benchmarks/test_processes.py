import sys

import pytest

from benchmarks.processes import measure_command


def test_the_peak_memory_is_that_of_the_command_only(tmp_path):
    code = "bytearray(200_000_000)"
    peak = measure_command(tmp_path, sys.executable, "-c", code).peak_memory
    assert 2.0e8 < peak < 2.5e8  # the process of the tests is larger: it has loaded TensorFlow


def test_a_failed_command_raises_an_error_with_its_output(tmp_path):
    with pytest.raises(RuntimeError, match="no memory left"):
        measure_command(tmp_path, sys.executable, "-c", "raise SystemExit('no memory left')")
