"""A checkpoint is whole, belongs to one training, and is never trusted blindly."""

import os
import time

import numpy as np
import pytest

from src.models.checkpoint import STALE_SECONDS, Checkpoint

ARRAYS = [np.arange(6, dtype=np.float32).reshape(2, 3), np.array(7)]


RECORD = {
    **{"name": "cnn", "recipe_sha256": "ab", "keep_epochs": False, "versions": {"keras": "3"}},
    **{"device": "cpu", "compile": "xla", "precision": "float32", "strategy": "single"},
    **{"buffer_size": None, "dataset": {"digest": "cd"}},
}


@pytest.fixture
def checkpoint(tmp_path):
    return Checkpoint(tmp_path, RECORD)


def test_what_was_saved_comes_back(checkpoint):
    checkpoint.save({"step": 3, "loss": 0.1}, ARRAYS)
    state, arrays = checkpoint.load(checkpoint.read())
    assert state == {"step": 3, "loss": 0.1}
    for saved, loaded in zip(ARRAYS, arrays, strict=True):
        np.testing.assert_array_equal(saved, loaded)


def test_there_is_none_at_first(checkpoint):
    assert checkpoint.load(checkpoint.read()) is None


@pytest.mark.parametrize("key", RECORD)
def test_another_training_has_another_checkpoint(checkpoint, tmp_path, key):
    checkpoint.save({}, ARRAYS)
    assert Checkpoint(tmp_path, RECORD | {key: {"digest": "other"}}).read() is None
    assert Checkpoint(tmp_path, RECORD | {"seconds": 1}).read() is not None


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04rubbish", None])
def test_one_that_cannot_be_read_is_discarded_with_a_sentence(
    checkpoint, tmp_path, capsys, content
):
    checkpoint.save({}, ARRAYS)
    (path,) = tmp_path.iterdir()
    path.write_bytes(path.read_bytes()[:-40] if content is None else content)
    assert checkpoint.load(checkpoint.read()) is None
    assert "cnn: the checkpoint cannot be read" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_pickle_is_never_loaded(checkpoint, tmp_path, capsys):
    checkpoint.save({}, ARRAYS)
    (path,) = tmp_path.iterdir()
    np.savez(path, np.array([print], dtype=object), state=np.array("{}"))
    assert checkpoint.load(checkpoint.read()) is None
    assert "cannot be read" in capsys.readouterr().err


def test_pruning_removes_it_and_what_is_long_forgotten(checkpoint, tmp_path):
    checkpoint.save({}, ARRAYS)
    recent, old = tmp_path / "mlp-1.npz", tmp_path / "mlp-2.npz"
    for path in (recent, old):
        path.write_bytes(b"")
    long_ago = time.time() - STALE_SECONDS - 1
    os.utime(old, (long_ago, long_ago))
    checkpoint.prune()
    assert list(tmp_path.iterdir()) == [recent]


def test_it_is_not_due_at_once(checkpoint):
    assert not checkpoint.due()
