"""A checkpoint is complete, belongs to one training, and is removed if it is damaged."""

import shutil

import numpy as np
import pytest

from src.models import checkpoint as module
from src.models.checkpoint import Checkpoint, training_code

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


def test_other_code_has_another_checkpoint(checkpoint, tmp_path, identity, trained_on, monkeypatch):
    checkpoint.save({}, ARRAYS)
    monkeypatch.setattr(module, "training_code_sha256", lambda: "other")
    assert Checkpoint(tmp_path, identity, trained_on).read() is None


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


@pytest.mark.parametrize("complete", [True, False])
def test_a_complete_checkpoint_says_so(checkpoint, complete):
    assert not checkpoint.is_complete()
    checkpoint.save({"complete": complete}, ARRAYS)
    assert checkpoint.is_complete() == complete


def test_one_complete_training_of_a_recipe_is_kept(tmp_path, checkpoint, identity, trained_on):
    def other(complete: bool, **changes) -> Checkpoint:
        saved = Checkpoint(tmp_path, identity | changes, trained_on)
        saved.save({"complete": complete}, ARRAYS)
        saved.kept_weights.touch()
        return saved

    earlier = other(True, recipe_sha256="1")
    kept = other(False, recipe_sha256="2"), other(True, name="cnn_2")
    (tmp_path / "cnn-damaged.npz").touch()
    checkpoint.save({"complete": True}, ARRAYS)
    checkpoint.kept_weights.touch()
    checkpoint.remove_others()
    assert not earlier.exists() and not earlier.kept_weights.exists()
    assert all(each.exists() and each.kept_weights.exists() for each in (checkpoint, *kept))


def test_a_checkpoint_is_not_due_immediately(checkpoint):
    assert not checkpoint.due()
