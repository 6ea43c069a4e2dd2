"""Both programs do the work, on data that grow."""

import subprocess

import numpy as np
import pytest

from benchmarks.preprocessing import OURS, SIMPLEST, cost, grow
from src.common.files import write_json
from src.ingest import catalog, idx


@pytest.fixture
def raw(tmp_path):
    folder = tmp_path / "small"
    folder.mkdir()
    random = np.random.default_rng(1)
    for name, shape in zip(catalog.NAMES, ((20, 4, 5), (20,), (10, 4, 5), (10,)), strict=True):
        idx.write(folder / f"{name}.gz", random.integers(0, 3, shape).astype(np.uint8))
    source = {"name": "x", "requested": "x", "is_fallback": False, "files": {}}
    write_json(folder / "dataset.json", source)
    return folder


def test_data_grow_by_repetition(raw, tmp_path):
    large = tmp_path / "large"
    large.mkdir()
    assert grow(raw, large, 3) == 3 * (20 * 21 + 10 * 21)
    for name in catalog.NAMES:
        once, thrice = (
            np.concatenate(list(idx.read_chunks(folder / f"{name}.gz", 7)))
            for folder in (raw, large)
        )
        np.testing.assert_array_equal(thrice, np.concatenate([once] * 3))


@pytest.mark.parametrize("program", [OURS, SIMPLEST])
def test_both_programs_cost_time_and_memory(raw, program):
    seconds, megabytes = cost(program, raw)
    assert seconds > 0
    assert 10 < megabytes < 1000


def test_a_program_that_fails_is_no_result(raw):
    with pytest.raises(subprocess.CalledProcessError, match="status 1"):
        cost("raise SystemExit(1)", raw)
