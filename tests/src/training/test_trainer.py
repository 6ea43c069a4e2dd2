"""Training on digits is reproducible, resumes from checkpoints, and stops if the loss diverges."""

from dataclasses import replace

import numpy as np
import pytest
from sklearn.utils.class_weight import compute_sample_weight

from src.common.errors import PipelineError
from src.common.tensorflow import keras
from src.models.artifacts import weights_sha256
from src.models.inference import Predictor
from src.models.metrics import accuracy, evidence, fit_temperature
from src.training.checkpoint import Checkpoint
from src.training.execution import choose_execution
from src.training.trainer import Trainer
from tests.fixtures.trainings import ENVIRONMENT

# With an average; dropout; Adam; batch normalization, augmentation and all else. Of an interrupted
# training: after how many slices, and the size of the shuffle buffer.
INTERRUPTED = [("mlp_ema", "float32", 9, None), ("mlp_dropout", "float32", 5, 150)]
INTERRUPTED += [("mlp_65x2", "float32", 9, None)]
CONVNET = "tiny_convnet", "bfloat16", 5, 150  # streamed, with emulated products on most processors
INTERRUPTED += [pytest.param(*CONVNET, marks=pytest.mark.slow)]


@pytest.mark.parametrize(
    ("name", "precision"),
    [
        ("mlp_ema", "auto"),
        ("mlp_dropout", "auto"),
        ("cnn", "float32"),
        pytest.param("tiny_convnet", "auto", marks=pytest.mark.expensive),
    ],
)
def test_the_same_seed_gives_the_same_weights(new_trainer, change_recipe, name, precision):
    recipe = change_recipe(name, epochs=None, steps=8, validate_every=None, batch_size=50)
    execution = choose_execution(recipe, "cpu", "auto", precision)
    first, second, other, streamed = (
        weights_sha256(new_trainer(recipe, replace(execution, buffer_size=size), seed).run().model)
        for size, seed in ((None, 5), (None, 5), (None, 6), (200, 5))
    )
    assert first == second != other
    assert (first == streamed) == (not recipe.shuffle)


@pytest.mark.parametrize(
    ("changes", "steps"),
    [  # 1,237 images in batches of 100
        ({"epochs": 3}, [12, 24, 36]),
        ({"epochs": None, "steps": 50, "validate_every": 20}, [20, 40, 50]),
    ],
)
def test_the_history_has_a_row_for_each_epoch_or_validation(
    new_trainer, change_recipe, new_checkpoint, splits, changes, steps
):
    trainer = new_trainer(change_recipe("softmax", **changes))
    recorder = Recorder()
    training = trainer.run([recorder], new_checkpoint(trainer))
    assert recorder.rows == list(enumerate(training.history))
    assert recorder.slices[-1] == recorder.params["total_steps"] - 1 == steps[-1] - 1
    assert [row["step"] for row in training.history] == steps
    epochs = [round(n / 12, 4) for n in steps]
    assert [row["epoch"] for row in training.history] == epochs
    rows = training.weights_by_epoch
    assert rows.shape == (3, 7850)
    last = np.concatenate([weights.ravel() for weights in training.model.get_weights()])
    np.testing.assert_array_equal(rows[-1], last)
    assert (rows[0] != last).any()
    logits = Predictor(training.model).logits(splits[1][0])
    assert training.history[-1]["val_accuracy"] == accuracy(logits, splits[1][1])


def test_many_epochs_of_few_steps_have_at_most_100_rows(new_trainer, change_recipe):
    recipe = change_recipe("mlp_200", hidden=[5], steps=250, batch_size=1237)  # one step per epoch
    history = new_trainer(recipe).run().history
    assert [row["step"] for row in history[:3]] == [3, 6, 9] and len(history) == 84


@pytest.mark.parametrize("compile", ["graph", "xla"])
def test_a_weight_that_is_infinite_after_the_last_step_is_an_error(
    new_trainer, graph, change_recipe, compile
):
    """The loss of a step is that of the weights before the step."""
    optimizer = {"kind": "sgd", "learning_rate": 1000.0, "momentum": 0.9}
    large = {"optimizer": optimizer, "l2": 1000.0, "weights": {"kind": "glorot_uniform"}}
    recipe = change_recipe("mlp_sigmoid", epochs=None, steps=7, hidden=[20], **large)
    message = r"^a weight or the validation loss became NaN or infinite between steps 0 and 7 of 7"
    with pytest.raises(PipelineError, match=message):
        new_trainer(recipe, replace(graph, compile=compile)).run()


@pytest.mark.parametrize("class_weights", ["none", "balanced"])
def test_without_shuffling_the_images_keep_their_order(splits, graph, change_recipe, class_weights):
    """From zero weights, the gradient of the bias is the weighted mean of 1/K - onehot."""
    images, labels = splits[0]
    kept = (np.arange(len(labels)) < 10) | (labels != labels[0])  # few images of one class
    images, labels = images[kept], labels[kept]
    recipe = change_recipe("softmax", epochs=None, steps=1, batch_size=10, shuffle=False)
    balances = class_weights == "balanced"
    trainer = Trainer(recipe, (images, labels), splits[1], 10, 1, graph, balances_classes=balances)
    bias = trainer.run().model.get_weights()[1]
    weights = compute_sample_weight("balanced" if balances else None, labels)[:10, None]
    assert (weights.max() > 5) == balances
    expected = -0.01 * (weights * (0.1 - np.eye(10)[labels[:10]])).mean(axis=0)
    np.testing.assert_allclose(bias, expected, atol=1e-7)


class Recorder(keras.callbacks.Callback):
    """Records its calls; can raise after a slice or a row."""

    def __init__(self, interrupt_at_slice=None, interrupt_at_row=None):
        super().__init__()
        self.rows, self.slices, self.ended = [], [], False
        self._interrupt_at_slice, self._interrupt_at_row = interrupt_at_slice, interrupt_at_row

    def on_train_batch_end(self, batch, logs=None):
        self.slices.append(batch)
        if len(self.slices) == self._interrupt_at_slice:
            raise KeyboardInterrupt

    def on_epoch_end(self, epoch, logs=None):
        self.rows.append((epoch, logs))
        if len(self.rows) == self._interrupt_at_row:
            raise KeyboardInterrupt

    def on_train_end(self, logs=None):
        self.ended = True


@pytest.fixture
def new_checkpoint(tmp_path, identity):
    """Return the checkpoint of a trainer, which is written after every slice."""

    def new(trainer, name="cnn") -> Checkpoint:
        count = trainer.model.count_params()
        config = identity | {"name": name, "keep_epochs": True, "parameters": count}
        checkpoint = Checkpoint(tmp_path, config, ENVIRONMENT)
        checkpoint.is_due = lambda: True
        return checkpoint

    return new


@pytest.mark.parametrize(("name", "precision", "after", "buffer_size"), INTERRUPTED)
def test_an_interrupted_training_resumes_to_the_same_weights(
    new_trainer, graph, change_recipe, new_checkpoint, name, precision, after, buffer_size
):
    recipe = change_recipe(name, epochs=None, steps=60, validate_every=20, batch_size=50)
    execution = replace(graph, buffer_size=buffer_size, precision=precision)
    complete, first, second = (new_trainer(recipe, execution) for _ in range(3))
    complete = complete.run(checkpoint=new_checkpoint(complete, "complete"))
    interrupted, recorder = Recorder(interrupt_at_slice=after), Recorder()
    with pytest.raises(KeyboardInterrupt):
        first.run([interrupted], new_checkpoint(first))
    assert interrupted.ended
    resumed = second.run([recorder], new_checkpoint(second))
    assert recorder.slices[0] > 0, "it started from step 0"
    assert weights_sha256(resumed.model) == weights_sha256(complete.model)
    np.testing.assert_array_equal(resumed.weights_by_epoch, complete.weights_by_epoch)
    assert resumed.history == complete.history
    assert len(resumed.seconds) == len(complete.seconds) == 3


@pytest.mark.parametrize("restores", [False, True])
def test_early_stopping_knows_the_rows_before_an_interruption(
    new_trainer, change_recipe, new_checkpoint, splits, restores
):
    stop = {"monitor": "val_loss", "patience": 3, "restore_best": restores}
    recipe = change_recipe("mlp_65x2", epochs=200, early_stopping=stop)
    complete, first, second, third = (new_trainer(recipe) for _ in range(4))
    complete = complete.run(checkpoint=new_checkpoint(complete, "complete"))
    rows, losses = len(complete.history), [row["val_loss"] for row in complete.history]
    assert 4 < rows < 200 and min(losses) == losses[-4]
    assert complete.row["val_accuracy"] > 0.85, "it learns"
    with pytest.raises(KeyboardInterrupt):
        first.run([Recorder(interrupt_at_row=rows - 1)], new_checkpoint(first))
    resumed = second.run([], new_checkpoint(second))
    again = third.run([], new_checkpoint(third))  # from the checkpoint of the complete training
    kept = complete.weights_by_epoch[-4 if restores else -1]
    for training in (complete, resumed, again):
        assert training.history == complete.history
        assert training.row == complete.history[-4 if restores else -1]
        assert training.scores == complete.scores
        weights = np.concatenate([each.ravel() for each in training.model.get_weights()])
        np.testing.assert_array_equal(weights, kept)
    logits = Predictor(complete.model).logits(splits[1][0])
    assert complete.row["val_accuracy"] == accuracy(logits, splits[1][1])
    assert complete.scores["temperature"] == fit_temperature(logits, splits[1][1])
    assert (evidence(logits) > complete.scores["least_evidence"]).mean() == pytest.approx(0.985)
    assert 0.2 < complete.scores["corrupted_accuracy"] < complete.row["val_accuracy"]


@pytest.mark.parametrize(
    ("changes", "steps"),
    [  # of 30 images
        ({}, [1, 2]),  # the split is smaller than the batch
        ({"min_steps_per_epoch": 10}, [10, 20]),
        ({"min_steps_per_epoch": 10, "batch_size": 2}, [15, 30]),
        ({"min_steps_per_epoch": 40}, [30, 60]),
    ],
)
def test_few_images_have_small_batches(splits, graph, change_recipe, changes, steps):
    images, labels = splits[0]
    few, recipe = (images[:30], labels[:30]), change_recipe("softmax", epochs=2, **changes)
    history = Trainer(recipe, few, splits[1], 10, 1, graph).run().history
    assert [row["step"] for row in history] == steps
