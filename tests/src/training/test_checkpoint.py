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


@pytest.fixture
def checkpoint(tmp_path, identity, trained_on):
    return Checkpoint(tmp_path, identity, trained_on)


def test_the_loaded_state_and_arrays_are_the_saved_ones(checkpoint):
    assert not checkpoint.exists() and checkpoint.read(None) is None
    assert not checkpoint.due() and not checkpoint.is_complete()
    checkpoint.save(TrainerState(step=3, losses=0.1), ARRAYS)
    variables = [tf.Variable(0 * each) for each in ARRAYS]
    state = checkpoint.load(checkpoint.read(None), variables)
    assert state == TrainerState(step=3, losses=0.1)
    for saved, loaded in zip(ARRAYS, variables, strict=True):
        np.testing.assert_array_equal(saved, loaded)
    assert not checkpoint.is_complete()
    checkpoint.save(TrainerState(complete=True), ARRAYS)
    assert checkpoint.is_complete()


def test_another_training_has_another_checkpoint(checkpoint, tmp_path, identity, trained_on):
    checkpoint.save(TrainerState(), ARRAYS)
    assert Checkpoint(tmp_path, identity, trained_on).read(None) is not None
    changes = {"name": "b", "recipe_sha256": "b", "keep_epochs": True, "code": "b"}
    datasets = [identity["dataset"] | each for each in ({"digest": "b"}, {"classes": 11})]
    others = [{key: value} for key, value in changes.items()]
    for change in others + [{"dataset": dataset} for dataset in datasets]:
        assert Checkpoint(tmp_path, identity | change, trained_on).read(None) is None
    for key in ("device", "precision", "buffer_size", "threads", "processor"):
        assert Checkpoint(tmp_path, identity, trained_on | {key: "other"}).read(None) is None


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


@pytest.mark.parametrize("content", [b"", "cut", "pickle"])
def test_a_damaged_checkpoint_or_a_pickle_is_discarded(checkpoint, tmp_path, capsys, content):
    checkpoint.save(TrainerState(), ARRAYS)
    (path,) = tmp_path.iterdir()
    if content == "pickle":
        np.savez(path, np.array([print], dtype=object), state=np.array("{}"))
    else:
        path.write_bytes(path.read_bytes()[:-40] if content == "cut" else content)
    read = checkpoint.read(None)
    variables = [tf.Variable(0 * each) for each in ARRAYS]
    assert read is None or checkpoint.load(read, variables) is None
    assert "cnn: the checkpoint cannot be read" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_one_complete_training_of_a_recipe_is_kept(tmp_path, checkpoint, identity, trained_on):
    def other(complete: bool, **changes) -> Checkpoint:
        saved = Checkpoint(tmp_path, identity | changes, trained_on)
        saved.save(TrainerState(complete=complete), ARRAYS)
        saved.kept_weights.touch()
        return saved

    earlier = other(True, recipe_sha256="1")
    kept = other(False, recipe_sha256="2"), other(True, name="cnn_2")
    checkpoint.save(TrainerState(complete=True), ARRAYS)
    checkpoint.kept_weights.touch()
    checkpoint.remove_others()
    assert not earlier.exists() and not earlier.kept_weights.exists()
    assert all(each.exists() and each.kept_weights.exists() for each in (checkpoint, *kept))


def filled(path, rows):
    """The rows as the weights of a model of two layers."""
    kept = KeptWeights(path, 300_007)
    for row in rows:
        kept.append([row[:300_000].reshape(600, 500), row[300_000:]])
    return kept


@pytest.mark.parametrize("name", ["kept", None])
def test_the_saved_bytes_are_those_of_numpy(tmp_path, name):
    filled(name and tmp_path / name, ROWS).save(tmp_path / "saved.npy")
    np.save(tmp_path / "expected.npy", ROWS)
    assert (tmp_path / "saved.npy").read_bytes() == (tmp_path / "expected.npy").read_bytes()


@pytest.mark.parametrize("is_complete", [True, False])
def test_a_later_process_continues_after_the_rows_that_a_checkpoint_knows(tmp_path, is_complete):
    path = tmp_path / "kept"
    early = filled(path, ROWS[:3])
    early.flush()
    size = 2 * ROWS[0].nbytes  # at least, before the third row
    if not is_complete:
        path.write_bytes(path.read_bytes()[: size - 1])
    later = KeptWeights(path, 300_007)
    assert later.restore(2) == is_complete
    expected = ROWS[[0, 1, 4]] if is_complete else ROWS[[4]]
    later.append([ROWS[4][:300_000], ROWS[4][300_000:]])
    later.save(tmp_path / "saved.npy")
    np.testing.assert_array_equal(np.load(tmp_path / "saved.npy"), expected)
