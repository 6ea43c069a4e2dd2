"""A checkpoint is complete, belongs to one training, and is removed if it is damaged.

The weights of each epoch are kept in a file, with the bytes of ``np.save``.
"""

import shutil

import numpy as np
import pytest

from src.common.tensorflow import tf
from src.training import checkpoint as module
from src.training.checkpoint import Checkpoint, KeptWeights, TrainerState, training_code

ARRAYS = [np.arange(6, dtype=np.float32).reshape(2, 3), np.array(7)]
ROWS = np.random.default_rng(1).normal(size=(5, 300_007)).astype(np.float32)


def load(checkpoint, variables=ARRAYS):
    content = checkpoint.read(None)
    if content is None:
        return None
    return checkpoint.load(content, [tf.Variable(0 * each) for each in variables])


@pytest.fixture
def checkpoint(tmp_path, identity, trained_on):
    return Checkpoint(tmp_path, identity, trained_on)


def test_the_loaded_state_and_arrays_are_the_saved_ones(checkpoint):
    checkpoint.save(TrainerState(step=3, losses=0.1), ARRAYS)
    variables = [tf.Variable(0 * each) for each in ARRAYS]
    state = checkpoint.load(checkpoint.read(None), variables)
    assert state == TrainerState(step=3, losses=0.1)
    for saved, loaded in zip(ARRAYS, variables, strict=True):
        np.testing.assert_array_equal(saved, loaded)


def test_a_new_training_has_no_checkpoint(checkpoint):
    assert not checkpoint.exists()
    assert load(checkpoint) is None


@pytest.mark.parametrize("key", ["name", "recipe_sha256", "keep_epochs", "dataset"])
def test_another_training_has_another_checkpoint(checkpoint, tmp_path, identity, trained_on, key):
    checkpoint.save(TrainerState(), ARRAYS)
    other = identity | {key: {"digest": "other"}}
    assert Checkpoint(tmp_path, other, trained_on).read(None) is None
    assert Checkpoint(tmp_path, identity, trained_on).read(None) is not None


@pytest.mark.parametrize("key", ["device", "precision", "buffer_size", "threads", "processor"])
def test_another_environment_has_another_checkpoint(
    checkpoint, tmp_path, identity, trained_on, key
):
    checkpoint.save(TrainerState(), ARRAYS)
    other = Checkpoint(tmp_path, identity, trained_on | {key: "other"})
    assert other.read(None) is None


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
    checkpoint.save(TrainerState(), ARRAYS)
    monkeypatch.setattr(module, "training_code_sha256", lambda: "other")
    assert Checkpoint(tmp_path, identity, trained_on).read(None) is None


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04invalid", None])
def test_a_damaged_checkpoint_is_discarded_with_a_message(checkpoint, tmp_path, capsys, content):
    checkpoint.save(TrainerState(), ARRAYS)
    (path,) = tmp_path.iterdir()
    path.write_bytes(path.read_bytes()[:-40] if content is None else content)
    assert load(checkpoint) is None
    assert "cnn: the checkpoint cannot be read" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_pickle_is_never_loaded(checkpoint, tmp_path, capsys):
    checkpoint.save(TrainerState(), ARRAYS)
    (path,) = tmp_path.iterdir()
    np.savez(path, np.array([print], dtype=object), state=np.array("{}"))
    assert load(checkpoint) is None
    assert "cannot be read" in capsys.readouterr().err


@pytest.mark.parametrize("complete", [True, False])
def test_a_complete_checkpoint_says_so(checkpoint, complete):
    assert not checkpoint.is_complete()
    checkpoint.save(TrainerState(complete=complete), ARRAYS)
    assert checkpoint.is_complete() == complete


def test_one_complete_training_of_a_recipe_is_kept(tmp_path, checkpoint, identity, trained_on):
    def other(complete: bool, **changes) -> Checkpoint:
        saved = Checkpoint(tmp_path, identity | changes, trained_on)
        saved.save(TrainerState(complete=complete), ARRAYS)
        saved.kept_weights.touch()
        return saved

    earlier = other(True, recipe_sha256="1")
    kept = other(False, recipe_sha256="2"), other(True, name="cnn_2")
    (tmp_path / "cnn-damaged.npz").touch()
    checkpoint.save(TrainerState(complete=True), ARRAYS)
    checkpoint.kept_weights.touch()
    checkpoint.remove_others()
    assert not earlier.exists() and not earlier.kept_weights.exists()
    assert all(each.exists() and each.kept_weights.exists() for each in (checkpoint, *kept))


def test_a_checkpoint_is_not_due_immediately(checkpoint):
    assert not checkpoint.due()


def parts(row):
    """A row as the weights of a model of two layers."""
    return [row[:300_000].reshape(600, 500), row[300_000:]]


def filled(path, rows):
    kept = KeptWeights(path, 300_007)
    for row in rows:
        kept.append(parts(row))
    return kept


@pytest.mark.parametrize("count", [1, 5])
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
