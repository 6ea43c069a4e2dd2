"""A checkpoint is complete, belongs to one training, and is removed if it is damaged."""

import os
import shutil
import time

import numpy as np
import pytest

from src.models import checkpoint as module
from src.models.checkpoint import STALE_SECONDS, Checkpoint, training_code

ARRAYS = [np.arange(6, dtype=np.float32).reshape(2, 3), np.array(7)]


@pytest.fixture
def checkpoint(tmp_path, identity, trained_on):
    return Checkpoint(tmp_path, identity, trained_on)


def test_the_loaded_state_and_arrays_are_the_saved_ones(checkpoint):
    checkpoint.save({"step": 3, "loss": 0.1}, ARRAYS)
    state, arrays = checkpoint.load(checkpoint.read())
    assert state == {"step": 3, "loss": 0.1}
    for saved, loaded in zip(ARRAYS, arrays, strict=True):
        np.testing.assert_array_equal(saved, loaded)


def test_a_new_training_has_no_checkpoint(checkpoint):
    assert not checkpoint.exists()
    assert checkpoint.load(checkpoint.read()) is None


@pytest.mark.parametrize("key", ["name", "recipe_sha256", "keep_epochs", "dataset"])
def test_another_training_has_another_checkpoint(checkpoint, tmp_path, identity, trained_on, key):
    checkpoint.save({}, ARRAYS)
    other = identity | {key: {"digest": "other"}}
    assert Checkpoint(tmp_path, other, trained_on).read() is None
    assert Checkpoint(tmp_path, identity, trained_on).read() is not None


@pytest.mark.parametrize("key", ["device", "precision", "buffer_size", "threads", "processor"])
def test_another_environment_has_another_checkpoint(
    checkpoint, tmp_path, identity, trained_on, key
):
    checkpoint.save({}, ARRAYS)
    other = Checkpoint(tmp_path, identity, trained_on | {key: "other"})
    assert other.read() is None
    other.save({}, ARRAYS)
    Checkpoint(tmp_path, identity).prune()  # of all environments
    assert not checkpoint.exists() and not other.exists()


def test_the_code_that_trains_is_that_of_the_train_stage(tmp_path):
    code = training_code()
    assert {"stages/train.py", "src/data/loader.py", "src/training/steps.py"} <= {*code}
    packages = {path.split("/")[1] for path in code if path.startswith("src/")}
    assert packages == {"config", "data", "models", "training"}
    for name in ("dvc.yaml", *code):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(module.ROOT / name, tmp_path / name)
    assert training_code(tmp_path) == code
    (tmp_path / "src/data/loader.py").write_text("# changed\n")
    changed = training_code(tmp_path)
    assert {name for name in code if changed[name] != code[name]} == {"src/data/loader.py"}


def test_other_code_has_another_checkpoint(checkpoint, tmp_path, identity, monkeypatch):
    checkpoint.save({}, ARRAYS)
    monkeypatch.setattr(module, "training_code_sha256", lambda: "other")
    assert Checkpoint(tmp_path, identity).read() is None


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04invalid", None])
def test_a_damaged_checkpoint_is_discarded_with_a_message(checkpoint, tmp_path, capsys, content):
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


@pytest.mark.parametrize(
    ("step", "lock_age", "remains"), [(7, -10, False), (7, 10, True), (6, -10, True)]
)
def test_a_complete_checkpoint_is_dropped_if_its_results_are_recorded(
    checkpoint, tmp_path, step, lock_age, remains
):
    lock = tmp_path / "dvc.lock"
    checkpoint.drop_recorded(lock, 7)
    checkpoint.save({"step": step}, ARRAYS)
    checkpoint.kept_weights.touch()
    checkpoint.drop_recorded(lock, 7)  # DVC has recorded nothing
    assert checkpoint.exists()
    lock.write_text("")
    os.utime(lock, (time.time() - lock_age,) * 2)
    checkpoint.drop_recorded(lock, 7)
    assert checkpoint.exists() == checkpoint.kept_weights.exists() == remains


def test_pruning_removes_the_checkpoint_and_stale_files(checkpoint, tmp_path):
    checkpoint.save({}, ARRAYS)
    (own,) = tmp_path.iterdir()
    checkpoint.kept_weights.touch()
    (tmp_path / "mlp-1.weights").touch()
    os.utime(tmp_path / "mlp-1.weights", (time.time() - STALE_SECONDS - 1,) * 2)
    names = [
        f".{own.stem}.1.partial",
        "mlp-1.npz",
        "mlp-2.npz",
        ".mlp-1.1.partial",
        ".mlp-2.1.partial",
    ]
    own_partial, recent, old, recent_partial, old_partial = [tmp_path / name for name in names]
    for path in (own_partial, recent, old, recent_partial, old_partial):
        path.write_bytes(b"")
    for path in (old, old_partial):
        os.utime(path, (time.time() - STALE_SECONDS - 1,) * 2)
    checkpoint.prune()
    assert sorted(tmp_path.iterdir()) == [recent_partial, recent]


def test_a_partial_file_that_another_process_removes_is_no_error(checkpoint, tmp_path, monkeypatch):
    def prune_first(file):
        checkpoint.prune()

    monkeypatch.setattr(os, "fsync", prune_first)
    checkpoint.save({}, ARRAYS)
    assert list(tmp_path.iterdir()) == []
    monkeypatch.undo()
    checkpoint.save({}, ARRAYS)
    assert checkpoint.exists()


def test_a_checkpoint_is_not_due_immediately(checkpoint):
    assert not checkpoint.due()
