"""TensorBoard shows scalars, histograms and the graph; without its files, the training goes on."""

import errno

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from src.callbacks import tensorboard
from src.common.tensorflow import keras, tf
from src.config.recipe import load_recipe


@pytest.fixture
def train(new_trainer, tiny_recipe, tmp_path):
    """Train with the callback, or another one."""

    def train(resumes=False, callback=None, **changes):
        trainer = new_trainer(load_recipe(tiny_recipe | changes))
        callback = callback or tensorboard.TensorBoard(tmp_path / "logs", resumes)
        return trainer.run([callback])

    return train


def events(folder):
    return EventAccumulator(str(folder), {"tensors": 0}).Reload()


def test_the_files_contain_scalars_histograms_and_the_graph(train, tmp_path):
    rows = train(epochs=12).history
    training, validation = (events(tmp_path / "logs" / name) for name in ("train", "validation"))
    for found, tag, name in (
        (training, "epoch_loss", "loss"),
        (validation, "epoch_loss", "val_loss"),
        (validation, "epoch_accuracy", "val_accuracy"),
    ):
        scalars = found.Tensors(tag)
        assert [each.step for each in scalars] == [row["epoch"] for row in rows]
        values = [tf.make_ndarray(each.tensor_proto) for each in scalars]
        assert values == pytest.approx([row[name] for row in rows])
    tags = training.Tags()["tensors"]
    (kernel, _) = [tag for tag in tags if tag.endswith("histogram")]
    assert 5 <= len(training.Tensors(kernel)) <= tensorboard.HISTOGRAMS
    assert "keras" in tags  # the graph


def test_rows_between_epochs_have_their_own_numbers(train, tmp_path):
    train(epochs=None, steps=40, validate_every=18)  # epochs 1.5, 3 and 3.3
    scalars = events(tmp_path / "logs/train").Tensors("epoch_loss")
    assert [each.step for each in scalars] == [2, 3, 4]


def test_large_weights_have_no_histograms(train, tmp_path, monkeypatch):
    monkeypatch.setattr(tensorboard, "MAX_HISTOGRAM", 10)
    train()
    tags = events(tmp_path / "logs/train").Tags()["tensors"]
    assert "epoch_loss" in tags and not any("histogram" in tag for tag in tags)


def test_a_resumed_training_keeps_the_files_and_a_new_one_removes_them(train, tmp_path):
    for resumes, count in ((False, 1), (False, 1), (True, 2)):
        train(resumes)
        assert len(list((tmp_path / "logs/train").iterdir())) == count


def test_folders_are_named_after_recipe_and_experiment(tmp_path, monkeypatch):
    monkeypatch.delenv("DVC_EXP_NAME", raising=False)
    assert tensorboard.folder(tmp_path, "cnn") == tmp_path / "cnn/workspace"
    monkeypatch.setenv("DVC_EXP_NAME", "bold-move")
    assert tensorboard.folder(tmp_path, "cnn") == tmp_path / "cnn/bold-move"


def test_a_file_in_place_of_the_folder_is_one_warning(train, tmp_path, capfd):
    (tmp_path / "logs").touch()
    board = tensorboard.TensorBoard(tmp_path / "logs/cnn", resumes=False)
    assert len(train(callback=tensorboard.BestEffort(board, "no curves")).history) == 2
    (line,) = capfd.readouterr().err.splitlines()
    assert line.startswith("warning: no curves") and "logs is not a directory" in line


@pytest.mark.parametrize("hook", tensorboard.HOOKS)
def test_a_full_disk_at_any_time_is_one_warning_and_a_bug_is_none(train, hook, capfd):
    class Full(keras.callbacks.Callback):
        error: Exception = OSError(errno.ENOSPC, "No space left on device")

    def fail(self, *arguments, logs=None):
        raise self.error

    setattr(Full, hook, fail)
    assert len(train(callback=tensorboard.BestEffort(Full(), "no curves")).history) == 2
    (line,) = capfd.readouterr().err.splitlines()
    assert "No space left on device" in line
    Full.error = ZeroDivisionError()
    with pytest.raises(ZeroDivisionError):
        train(callback=tensorboard.BestEffort(Full(), "no curves"))
