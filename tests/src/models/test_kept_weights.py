"""The weights of each row are kept in a file, with the bytes of ``np.save``."""

import numpy as np
import pytest

from src.models.kept_weights import KeptWeights

ROWS = np.random.default_rng(1).normal(size=(5, 300_007)).astype(np.float32)


def parts(row):
    """A row as the weights of a model of two layers."""
    return [row[:300_000].reshape(600, 500), row[300_000:]]


def filled(path, rows):
    kept = KeptWeights(path, 300_007)
    for row in rows:
        kept.append(parts(row))
    return kept


@pytest.mark.parametrize("count", [0, 1, 5])
@pytest.mark.parametrize("name", ["kept", None])
def test_the_saved_bytes_are_those_of_numpy(tmp_path, count, name):
    kept = filled(name and tmp_path / name, ROWS[:count])
    kept.save(tmp_path / "own.npy")
    np.save(tmp_path / "expected.npy", ROWS[:count])
    assert (tmp_path / "own.npy").read_bytes() == (tmp_path / "expected.npy").read_bytes()


def test_a_later_process_continues_after_the_rows_that_a_checkpoint_knows(tmp_path):
    early = filled(tmp_path / "kept", ROWS[:2])
    early.append(parts(-ROWS[2]))  # after the checkpoint
    early.flush()
    later = KeptWeights(tmp_path / "kept", 300_007)
    assert later.restore(2)
    for row in ROWS[2:]:
        later.append(parts(row))
    later.save(tmp_path / "own.npy")
    np.testing.assert_array_equal(np.load(tmp_path / "own.npy"), ROWS)


@pytest.mark.parametrize("fault", ["missing", "short"])
def test_an_incomplete_file_is_not_restored(tmp_path, fault):
    path = tmp_path / "kept"
    early = filled(path, ROWS[:2])
    early.flush()
    content = path.read_bytes()
    path.write_bytes({"missing": b"", "short": content[:-1]}[fault])
    later = filled(path, [])
    assert not later.restore(2)
    later.append(parts(ROWS[0]))  # it starts again
    later.save(tmp_path / "own.npy")
    np.testing.assert_array_equal(np.load(tmp_path / "own.npy"), ROWS[:1])


def test_two_processes_may_write_the_same_rows_to_the_same_file(tmp_path):
    first = filled(tmp_path / "kept", ROWS[:4])
    second = filled(tmp_path / "kept", ROWS[:1])
    (tmp_path / "kept").unlink()  # removed by the user
    for row in ROWS[1:]:
        second.append(parts(row))
    for kept, count in ((first, 4), (second, 5)):
        kept.save(tmp_path / "own.npy")
        np.testing.assert_array_equal(np.load(tmp_path / "own.npy"), ROWS[:count])
