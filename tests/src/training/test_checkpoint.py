"""A checkpoint is complete, belongs to one training, and is removed if it is damaged."""

import shutil

import numpy as np
import pytest

from src.common.tensorflow import tf
from src.training import checkpoint as module
from src.training.checkpoint import Checkpoint, TrainerState, load, training_code_sha256
from tests.fixtures.trainings import ENVIRONMENT

ARRAYS = [np.arange(6, dtype=np.float32).reshape(2, 3), np.array(7)]
ROWS = np.random.default_rng(1).normal(size=(5, 7)).astype(np.float32)


@pytest.fixture
def new_checkpoint(tmp_path, identity):
    return lambda **changes: Checkpoint(tmp_path / "files", identity | changes, ENVIRONMENT)


@pytest.fixture
def checkpoint(new_checkpoint):
    return new_checkpoint()


def test_the_loaded_state_and_arrays_are_the_saved_ones(checkpoint):
    assert not checkpoint.exists() and checkpoint.read() is None
    assert not checkpoint.is_due()
    best = np.arange(5, dtype=np.float32)
    checkpoint.save(TrainerState(step=3, loss_sum=0.1), [*ARRAYS, best])
    variables = [tf.Variable(0 * array) for array in ARRAYS]
    state, (rest,) = load(checkpoint.read(), variables)
    assert state == TrainerState(step=3, loss_sum=0.1)
    np.testing.assert_array_equal(rest, best)
    for saved, loaded in zip(ARRAYS, variables, strict=True):
        np.testing.assert_array_equal(saved, loaded)


def test_another_training_has_another_checkpoint(checkpoint, new_checkpoint, tmp_path, identity):
    checkpoint.save(TrainerState(), ARRAYS)
    assert new_checkpoint().exists()
    changes = {"name": "b", "recipe_sha256": "b", "keep_epochs": True, "code": "b"}
    for key, value in changes.items():
        assert not new_checkpoint(**{key: value}).exists()
    for change in ({"digest": "b"}, {"classes": 11}):
        assert not new_checkpoint(dataset=identity["dataset"] | change).exists()
    for key in ("device", "precision", "buffer_size", "threads", "processor"):
        other = ENVIRONMENT | {key: "other"}
        assert not Checkpoint(tmp_path / "files", identity, other).exists()


@pytest.mark.parametrize("changed", ["src/data/loader.py", "stages/train.py", "src/apps/demo.py"])
def test_the_code_that_trains_is_that_of_the_train_stage(tmp_path, changed):
    for name in ("dvc.yaml", "src", "stages"):
        copy = shutil.copytree if (module.ROOT / name).is_dir() else shutil.copyfile
        copy(module.ROOT / name, tmp_path / name)
    (tmp_path / changed).write_text("# changed\n")
    is_same = training_code_sha256(tmp_path) == training_code_sha256()
    assert is_same == (changed == "src/apps/demo.py")


@pytest.mark.parametrize("damage", ["empty", "cut", "pickle"])
def test_a_damaged_checkpoint_or_a_pickle_is_discarded(checkpoint, tmp_path, capsys, damage):
    checkpoint.save(TrainerState(), ARRAYS)
    (path,) = (tmp_path / "files").iterdir()
    if damage == "pickle":
        np.savez(path, np.array([print], dtype=object), state=np.array("{}"))
    else:
        path.write_bytes(path.read_bytes()[:-40] if damage == "cut" else b"")
    assert checkpoint.read() is None
    assert "cnn: the checkpoint cannot be read" in capsys.readouterr().err
    assert not checkpoint.exists()


def test_one_complete_training_of_a_recipe_is_kept(new_checkpoint, tmp_path):
    def saved(complete: bool, **changes) -> set[str]:
        """The names of the two files of a new checkpoint."""
        before = {*(tmp_path / "files").glob("*")}
        checkpoint = new_checkpoint(keep_epochs=True, **changes)
        checkpoint.save(TrainerState(complete=complete), ARRAYS)
        checkpoint.keep_weights(0, [ROWS[0]])
        checkpoint.remove_others()
        return {*(tmp_path / "files").glob("*")} - before

    first = saved(True, recipe_sha256="1")
    others = saved(False, recipe_sha256="2") | saved(True, name="cnn_2")
    assert len(first) == 2 and len(others) == 4
    last = saved(True, recipe_sha256="3")
    assert {*(tmp_path / "files").iterdir()} == others | last


@pytest.mark.parametrize("is_complete", [True, False])
def test_a_later_process_continues_after_the_rows_that_a_checkpoint_knows(
    new_checkpoint, tmp_path, capsys, is_complete
):
    early, later = new_checkpoint(keep_epochs=True), new_checkpoint(keep_epochs=True)
    for row in range(3):
        early.keep_weights(row, [ROWS[row][:6].reshape(2, 3), ROWS[row][6:]])
        if row == 1:
            early.save(TrainerState(history=[{}, {}]), ARRAYS)
    if not is_complete:
        (path,) = (tmp_path / "files").glob("*.weights")
        path.write_bytes(path.read_bytes()[: ROWS[:2].nbytes - 1])
    assert (later.read() is not None) == is_complete == (capsys.readouterr().err == "")
    later.keep_weights(2, [ROWS[4]])
    if is_complete:
        np.testing.assert_array_equal(later.kept_weights(3), ROWS[[0, 1, 4]])
