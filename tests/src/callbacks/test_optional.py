"""A training goes on if an optional callback cannot write its files."""

import errno

import pytest

from src.callbacks.optional import Optional
from src.callbacks.tensorboard import TensorBoard
from src.common.tensorflow import keras, tf
from src.config.recipe import load_recipe

HOOKS = ("set_model", "on_train_begin", "on_train_batch_begin", "on_epoch_end", "on_train_end")


@pytest.fixture
def train(new_trainer, tiny_recipe, capfd):
    """Train with an optional callback; return what is printed."""

    def train(callback):
        trainer = new_trainer(load_recipe(tiny_recipe))
        capfd.readouterr()
        assert len(trainer.run([Optional(callback, "X is incomplete")]).history) == 2
        return capfd.readouterr().err

    return train


def test_a_file_in_place_of_the_folder_is_one_warning(train, tmp_path):
    (tmp_path / "logs").touch()
    assert train(TensorBoard(tmp_path / "logs/cnn", resumes=False)) == (
        f"warning: X is incomplete, because its files cannot be written ({tmp_path}/logs is not a "
        "directory); free space or allow access; no other result is affected\n"
    )


@pytest.mark.parametrize("hook", HOOKS)
@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, "No space left on device"),
        tf.errors.ResourceExhaustedError(None, None, "No space left on device\nno events"),
    ],
)
def test_a_full_disk_at_any_time_is_one_warning(train, hook, error):
    class Full(keras.callbacks.Callback):
        calls = 0

    def fail(self, *arguments):
        Full.calls += 1
        raise error

    setattr(Full, hook, fail)
    assert train(Full()) == (
        "warning: X is incomplete, because its files cannot be written (No space left on device); "
        "free space or allow access; no other result is affected\n"
    )
    assert Full.calls == 1


def test_other_errors_are_bugs(train):
    class Wrong(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs):
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        train(Wrong())
