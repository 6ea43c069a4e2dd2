"""Training on digits is reproducible, resumes from checkpoints, and stops if the loss diverges."""

import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from src.common.errors import PipelineError
from src.common.tensorflow import keras
from src.models.artifacts import weights_sha256
from src.models.inference import Predictor
from src.models.metrics import accuracy
from src.training.checkpoint import Checkpoint, TrainerState
from src.training.execution import choose_execution
from tests.fixtures.training import SMALL_RECIPES

TUTORIALS = [name for name in SMALL_RECIPES if name != "tiny_convnet"]
PRECISIONS = [(name, "auto") for name in TUTORIALS]
PRECISIONS += [("tiny_convnet", "float32"), ("tiny_convnet", "bfloat16")]
# After how many slices a training is interrupted, and the size of its shuffle buffer.
INTERRUPTED = [(name, "float32", *case) for name in TUTORIALS for case in [(9, None), (5, 150)]]
INTERRUPTED += [("tiny_convnet", "float32", 9, None), ("tiny_convnet", "bfloat16", 5, 150)]


@pytest.mark.parametrize(("name", "precision"), PRECISIONS)
def test_the_same_seed_gives_the_same_weights(new_trainer, change_recipe, name, precision):
    recipe = change_recipe(name, epochs=1, steps=None, validate_every=None)
    execution = choose_execution(recipe, "cpu", "auto", precision)
    first, second, other = (
        weights_sha256(new_trainer(recipe, execution, seed).run().model) for seed in (5, 5, 6)
    )
    assert first == second
    assert first != other


def test_training_learns(new_trainer):
    history = new_trainer(SMALL_RECIPES["mlp_65x2"]).run().history
    assert history[-1]["val_accuracy"] > 0.85
    assert history[-1]["loss"] < history[0]["loss"] / 3


def test_the_history_has_a_row_for_each_epoch(new_trainer, change_recipe):
    history = new_trainer(change_recipe("softmax", epochs=3)).run().history
    assert [row["epoch"] for row in history] == [1, 2, 3]
    assert [row["step"] for row in history] == [12, 24, 36]  # 1,237 images in batches of 100


def test_the_history_has_a_row_for_each_validation(new_trainer, change_recipe):
    recipe = change_recipe("softmax", epochs=None, steps=50, validate_every=20)
    assert [row["step"] for row in new_trainer(recipe).run().history] == [20, 40, 50]


def test_many_epochs_of_few_steps_have_at_most_100_rows(new_trainer, change_recipe):
    recipe = change_recipe("mlp_200", hidden=[5], steps=250, batch_size=1237)  # one step per epoch
    history = new_trainer(recipe).run().history
    assert [row["step"] for row in history[:3]] == [3, 6, 9] and len(history) == 84


def test_the_last_row_has_the_accuracy_of_the_returned_model(new_trainer, splits, change_recipe):
    training = new_trainer(change_recipe("mlp_ema", steps=40, validate_every=40)).run()
    images, labels = splits[1]
    expected = accuracy(Predictor(training.model).logits(images), labels)
    assert training.history[-1]["val_accuracy"] == expected


def kept(training):
    """The weights of each row of the history."""
    with tempfile.TemporaryDirectory() as folder:
        training.weights_by_epoch(Path(folder, "rows.npy"))
        return np.load(Path(folder, "rows.npy"))


def test_weights_are_kept_for_each_epoch(new_trainer, change_recipe):
    training = new_trainer(change_recipe("softmax", epochs=3), keep_epochs=True).run()
    rows = kept(training)
    assert rows.shape == (3, 7850)
    last = np.concatenate([weights.ravel() for weights in training.model.get_weights()])
    np.testing.assert_array_equal(rows[-1], last)
    assert (rows[0] != last).any()


def test_an_infinite_loss_is_an_error(new_trainer, change_recipe):
    optimizer, bias = {"kind": "sgd", "learning_rate": 1000.0}, {"kind": "zeros"}
    recipe = change_recipe("mlp_65x2", optimizer=optimizer, bias=bias)
    message = r"the loss became NaN or infinite between steps \d+ and \d+ of 180; lower learning_r"
    with pytest.raises(PipelineError, match=message):
        new_trainer(recipe).run()


@pytest.mark.parametrize("compile", ["graph", "xla"])
def test_a_weight_that_is_infinite_after_the_last_step_is_an_error(
    new_trainer, graph, change_recipe, compile
):
    """The loss of a step is that of the weights before the step."""
    optimizer = {"kind": "sgd", "learning_rate": 1000.0, "momentum": 0.9}
    large = {"optimizer": optimizer, "l2": 1000.0, "weights": {"kind": "glorot_uniform"}}
    recipe = change_recipe("mlp_sigmoid", epochs=None, steps=7, hidden=[20], **large)
    message = r"^a weight became NaN or infinite between steps 0 and 7 of 7; lower learning_rate"
    with pytest.raises(PipelineError, match=message):
        new_trainer(recipe, replace(graph, compile=compile)).run()


@pytest.mark.parametrize("fault", ["missing", "short"])
def test_a_checkpoint_without_the_weights_of_earlier_epochs_is_discarded(
    new_trainer, change_recipe, new_checkpoint, capsys, fault
):
    recipe = change_recipe("softmax", epochs=3)
    complete = new_trainer(recipe, keep_epochs=True).run()
    with pytest.raises(KeyboardInterrupt):
        new_trainer(recipe, keep_epochs=True).run([Recorder(interrupt_at_row=3)], new_checkpoint())
    path = new_checkpoint().kept_weights
    content = path.read_bytes()
    path.write_bytes({"short": content[:-40000], "missing": b""}[fault])
    resumed = new_trainer(recipe, keep_epochs=True).run([], new_checkpoint())
    message = "the checkpoint lacks the weights of earlier epochs; starting from step 0"
    assert message in capsys.readouterr().err
    np.testing.assert_array_equal(kept(resumed), kept(complete))


def test_without_shuffling_the_images_keep_their_order(new_trainer, splits, change_recipe):
    """From zero weights, the gradient of the bias is the mean of 1/K - onehot over the batch."""
    _, labels = splits[0]
    recipe = change_recipe("softmax", epochs=None, steps=1, batch_size=10, shuffle=False)
    bias = new_trainer(recipe).run().model.get_weights()[1]
    expected = -0.01 * (0.1 - np.eye(10)[labels[:10]]).mean(axis=0)
    np.testing.assert_allclose(bias, expected, atol=1e-7)


class Recorder(keras.callbacks.Callback):
    """Records its calls; can stop after a row, or raise after a slice or a row."""

    def __init__(self, stop_at_row=None, interrupt_at_slice=None, interrupt_at_row=None):
        super().__init__()
        self.rows, self.slices, self.ended = [], [], False
        self._stop_at_row = stop_at_row
        self._interrupt_at_slice, self._interrupt_at_row = interrupt_at_slice, interrupt_at_row

    def on_train_batch_end(self, batch, logs=None):
        self.slices.append(batch)
        if len(self.slices) == self._interrupt_at_slice:
            raise KeyboardInterrupt

    def on_epoch_end(self, epoch, logs=None):
        self.rows.append((epoch, logs))
        self.model.stop_training = len(self.rows) == self._stop_at_row
        if len(self.rows) == self._interrupt_at_row:
            raise KeyboardInterrupt

    def on_train_end(self, logs=None):
        self.ended = True


def test_callbacks_receive_rows_and_slices(new_trainer, change_recipe):
    recorder = Recorder()
    new_trainer(change_recipe("softmax", epochs=2)).run([recorder])
    assert [epoch for epoch, _ in recorder.rows] == [0, 1]
    assert {"loss", "val_loss", "val_accuracy", "learning_rate"} <= set(recorder.rows[0][1])
    assert recorder.slices[-1] == recorder.params["total_steps"] - 1 == 23


@pytest.mark.parametrize(("monitor", "best"), [("val_loss", min), ("val_accuracy", max)])
def test_early_stopping_ends_a_training_that_no_longer_improves(
    new_trainer, change_recipe, monitor, best
):
    stop = {"monitor": monitor, "patience": 3}
    history = new_trainer(change_recipe("mlp_65x2", epochs=200, early_stopping=stop)).run().history
    values = [row[monitor] for row in history]
    assert 4 < len(values) < 200
    assert best(values) == values[-4]


@pytest.fixture
def new_checkpoint(tmp_path, identity, trained_on):
    """Return a checkpoint that is written after every slice."""

    def new() -> Checkpoint:
        checkpoint = Checkpoint(tmp_path, identity, trained_on)
        checkpoint.due = lambda: True
        return checkpoint

    return new


@pytest.mark.parametrize(("name", "precision", "after", "buffer_size"), INTERRUPTED)
def test_an_interrupted_training_resumes_to_the_same_weights(
    new_trainer, graph, change_recipe, new_checkpoint, name, precision, after, buffer_size
):
    recipe = change_recipe(name, epochs=None, steps=60, validate_every=20, batch_size=50)
    execution = replace(graph, buffer_size=buffer_size, precision=precision)
    complete, first, second = (new_trainer(recipe, execution, keep_epochs=True) for _ in range(3))
    complete = complete.run()
    interrupted, recorder = Recorder(interrupt_at_slice=after), Recorder()
    with pytest.raises(KeyboardInterrupt):
        first.run([interrupted], new_checkpoint())
    assert interrupted.ended
    resumed = second.run([recorder], new_checkpoint())
    assert recorder.slices[0] > 0, "it started from step 0"
    assert weights_sha256(resumed.model) == weights_sha256(complete.model)
    np.testing.assert_array_equal(kept(resumed), kept(complete))
    assert resumed.history == complete.history
    assert len(resumed.seconds) == len(complete.seconds) == 3


def test_early_stopping_counts_epochs_before_an_interruption(
    new_trainer, change_recipe, new_checkpoint
):
    stop = {"monitor": "val_loss", "patience": 3}
    recipe = change_recipe("mlp_65x2", epochs=200, early_stopping=stop)
    complete = new_trainer(recipe).run()
    rows = len(complete.history)
    with pytest.raises(KeyboardInterrupt):
        new_trainer(recipe).run([Recorder(interrupt_at_row=rows - 1)], new_checkpoint())
    resumed = new_trainer(recipe).run([], new_checkpoint())
    assert len(resumed.history) == rows
    assert weights_sha256(resumed.model) == weights_sha256(complete.model)


def test_a_checkpoint_of_another_training_is_discarded(
    new_trainer, change_recipe, new_checkpoint, capsys
):
    recipe = change_recipe("softmax", epochs=1)
    new_checkpoint().save(TrainerState(step=5), [np.zeros(3)])
    training = new_trainer(recipe).run([], new_checkpoint())
    assert "does not fit this training; starting from step 0" in capsys.readouterr().err
    assert weights_sha256(training.model) == weights_sha256(new_trainer(recipe).run().model)
