"""Training on digits: reproducible, correct in its details, and stopped when it diverges."""

from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest

from src.common.errors import PipelineError
from src.config.params import load_params
from src.config.recipe import load_recipe
from src.models.artifacts import weights_sha256
from src.models.checkpoint import Checkpoint
from src.models.inference import Predictor
from src.models.metrics import accuracy
from src.models.record import TrainingResult
from src.training.execution import Execution, choose_execution
from src.training.trainer import Trainer
from tests.src.models.test_checkpoint import RECORD

RECIPES = load_params(Path(__file__).parents[3] / "params.yaml").models


XLA = Execution("cpu", "xla", "float32")
GRAPH = Execution("cpu", "graph", "float32")


def train(
    recipe, training, validation, classes, seed, execution=GRAPH, **settings
) -> TrainingResult:
    return Trainer(recipe, training, validation, classes, seed, execution, **settings).run()


def changed(name: str, **changes):
    """A recipe of params.yaml with other values."""
    return load_recipe({**RECIPES[name].model_dump(), **changes})


@pytest.fixture(scope="module")
def splits(digits):
    images, labels = digits
    return (images[200:], labels[200:]), (images[:200], labels[:200])


@pytest.mark.parametrize("name", RECIPES)
def test_the_same_seed_gives_the_same_weights(splits, name):
    recipe = changed(name, epochs=1, steps=None, validate_every=None)
    execution = choose_execution(recipe, "cpu", "auto", "auto")  # as a user gets it
    first, second, other = (train(recipe, *splits, 10, seed, execution).model for seed in (5, 5, 6))
    assert weights_sha256(first) == weights_sha256(second)
    assert weights_sha256(first) != weights_sha256(other)


def test_training_learns(splits):
    training = train(RECIPES["mlp_65x2"], *splits, 10, seed=1)
    assert training.history[-1]["val_accuracy"] > 0.85
    assert training.history[-1]["loss"] < training.history[0]["loss"] / 3


def test_the_history_has_a_row_for_each_epoch(splits):
    training = train(changed("softmax", epochs=3), *splits, 10, seed=1)
    assert [row["epoch"] for row in training.history] == [1, 2, 3]
    assert [row["step"] for row in training.history] == [12, 24, 36]  # 1,237 images by 100


def test_the_history_has_a_row_for_each_so_many_steps(splits):
    recipe = changed("softmax", epochs=None, steps=50, validate_every=20)
    training = train(recipe, *splits, 10, seed=1)
    assert [row["step"] for row in training.history] == [20, 40, 50]


def test_the_last_row_is_the_models_own_accuracy(splits):
    training = train(changed("mlp_ema", steps=40, validate_every=40), *splits, 10, seed=1)
    logits = Predictor(training.model).logits(splits[1][0])
    assert training.history[-1]["val_accuracy"] == accuracy(logits, splits[1][1])


def test_one_step_of_sgd_is_the_formula(splits):
    """From zero weights the gradient of softmax is (1/K - onehot) x, averaged over the batch."""
    images, labels = splits[0]
    recipe = changed("softmax", epochs=None, steps=1, batch_size=len(labels))
    kernel, bias = train(recipe, *splits, 10, seed=1).model.get_weights()
    error = 0.1 - np.eye(10)[labels]
    pixels = images.reshape(len(images), -1) / 255
    np.testing.assert_allclose(kernel, -0.01 * pixels.T @ error / len(labels), atol=1e-7)
    np.testing.assert_allclose(bias, -0.01 * error.mean(axis=0), atol=1e-7)


def test_the_penalty_shrinks_the_weights(splits):
    plain, penalized = (
        train(changed("mlp_ema", l2=l2, steps=200), *splits, 10, seed=1).model.get_weights()[0]
        for l2 in (0.0, 0.01)
    )
    assert np.square(penalized).sum() < 0.9 * np.square(plain).sum()


def test_averaging_follows_its_formula(splits):
    """With all images in each batch the order does not matter, and steps can be replayed."""
    size = len(splits[0][1])
    weights = [
        train(
            changed("softmax", epochs=None, steps=steps, batch_size=size), *splits, 10, seed=1
        ).model.get_weights()[0]
        for steps in (1, 2)
    ]
    averaged = changed("softmax", epochs=None, steps=2, batch_size=size, averaging={"decay": 0.99})
    expected = np.zeros_like(weights[0])
    for step, current in enumerate(weights, start=1):
        decay = min(0.99, (1 + step) / (10 + step))
        expected = decay * expected + (1 - decay) * current
    result = train(averaged, *splits, 10, seed=1).model.get_weights()[0]
    np.testing.assert_allclose(result, expected, atol=1e-7)


def test_weights_are_kept_for_each_epoch(splits):
    training = train(changed("softmax", epochs=3), *splits, 10, seed=1, keep_epochs=True)
    assert training.weights_by_epoch.shape == (3, 7850)
    last = np.concatenate([weights.ravel() for weights in training.model.get_weights()])
    np.testing.assert_array_equal(training.weights_by_epoch[-1], last)
    assert (training.weights_by_epoch[0] != last).any()


def test_a_loss_that_is_not_finite_stops_with_a_sentence(splits):
    recipe = changed("mlp_65x2", optimizer={"kind": "sgd", "learning_rate": 1000.0})
    with pytest.raises(PipelineError, match="the loss is not finite any more between steps"):
        train(recipe, *splits, 10, seed=1)


@pytest.mark.parametrize("name", ["softmax", "mlp_65x2", "mlp_ema"])
def test_xla_and_graph_give_the_same_weights_within_rounding(splits, name):
    recipe = changed(name, epochs=None, steps=20, validate_every=None)
    xla, graph = (train(recipe, *splits, 10, 1, execution).model for execution in (XLA, GRAPH))
    for one, other in zip(xla.get_weights(), graph.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-4)


def test_bfloat16_keeps_weights_and_logits_in_float32(splits):
    recipe = changed("cnn", epochs=None, steps=3)
    reduced = Execution("cpu", "graph", "bfloat16")
    model = train(recipe, *splits, 10, 1, reduced).model
    assert {weights.dtype for weights in model.get_weights()} == {np.dtype("float32")}
    exact = train(recipe, *splits, 10, 1, GRAPH).model
    # a few digits in common, or it would not have been the same training
    np.testing.assert_allclose(model.get_weights()[0], exact.get_weights()[0], atol=0.01)


@pytest.mark.parametrize("name", ["cnn", "mlp_ema"])
def test_the_bfloat16_of_gpus_keeps_weights_and_logits_in_float32(splits, name):
    """Without a GPU, TensorFlow places on the CPU what is to be on one: the same arithmetic."""
    recipe = changed(name, epochs=None, steps=3)
    model = train(recipe, *splits, 10, 1, Execution("gpu", "graph", "bfloat16")).model
    exact = train(recipe, *splits, 10, 1, GRAPH).model
    assert {layer.dtype_policy.name for layer in model.layers} == {"float32"}
    assert weights_sha256(model) != weights_sha256(exact)
    for one, other in zip(model.get_weights(), exact.get_weights(), strict=True):
        assert np.abs(one - other).mean() < 0.005 < np.abs(other).max()


def test_images_lie_on_the_device_that_trains(splits):
    trainer = Trainer(changed("softmax", epochs=1), *splits, 10, 1, GRAPH)
    trainer.run()
    (images,) = trainer.steps.strategy.experimental_local_results(trainer.steps.images)
    assert images.device == trainer.model.weights[0].value.device


class EndsEachEpoch(keras.callbacks.Callback):
    def on_epoch_end(self, epoch, logs=None):
        self.model.stop_training = True


def test_a_training_that_ended_early_can_go_on(splits):
    whole = train(changed("softmax", epochs=2), *splits, 10, 1)
    trainer = Trainer(changed("softmax", epochs=2), *splits, 10, 1, GRAPH)
    assert trainer.run([EndsEachEpoch()]).history[-1]["epoch"] == 1
    assert trainer.run([EndsEachEpoch()]).history[-1]["epoch"] == 2
    assert weights_sha256(trainer.model) == weights_sha256(whole.model)


class Watcher(keras.callbacks.Callback):
    """Remembers what it is told; raises after a number of slices, to play an interruption."""

    def __init__(self, interrupt_after: int | None = None):
        super().__init__()
        self.rows, self.slices, self._interrupt_after = [], [], interrupt_after

    def on_epoch_end(self, epoch, logs=None):
        self.rows.append((epoch, logs))

    def on_train_batch_end(self, batch, logs=None):
        self.slices.append(batch)
        if len(self.slices) == self._interrupt_after:
            raise KeyboardInterrupt


def test_keras_callbacks_are_told_of_rows_and_slices(splits):
    watcher = Watcher()
    Trainer(changed("softmax", epochs=2), *splits, 10, 1, GRAPH).run([watcher])
    assert [epoch for epoch, _ in watcher.rows] == [0, 1]
    assert {"loss", "val_loss", "val_accuracy", "learning_rate"} <= set(watcher.rows[0][1])
    assert watcher.slices[-1] == watcher.params["total_steps"] - 1 == 23


def test_early_stopping_ends_a_training_that_no_longer_improves(splits):
    recipe = changed("mlp_65x2", epochs=200, early_stopping={"monitor": "val_loss", "patience": 3})
    history = train(recipe, *splits, 10, seed=1).history
    losses = [row["val_loss"] for row in history]
    assert 4 < len(losses) < 200
    assert min(losses) == losses[-4]


def checkpoint(folder) -> Checkpoint:
    """One that is due after every slice."""
    made = Checkpoint(folder, RECORD)
    made.due = lambda: True
    return made


@pytest.mark.parametrize("name", RECIPES)
@pytest.mark.parametrize(("after", "buffer_size"), [(2, None), (9, None), (5, 150)])
def test_an_interrupted_training_ends_with_the_same_weights(
    splits, tmp_path, name, after, buffer_size
):
    recipe = changed(name, epochs=None, steps=60, validate_every=20, batch_size=50)
    execution = replace(GRAPH, buffer_size=buffer_size)
    whole = Trainer(recipe, *splits, 10, 1, execution, keep_epochs=True).run()
    first = Trainer(recipe, *splits, 10, 1, execution, keep_epochs=True)
    with pytest.raises(KeyboardInterrupt):
        first.run([Watcher(interrupt_after=after)], checkpoint(tmp_path))
    second = Trainer(recipe, *splits, 10, 1, execution, keep_epochs=True)
    watcher = Watcher()
    resumed = second.run([watcher], checkpoint(tmp_path))
    assert watcher.slices[0] > 0, "it started anew"
    assert weights_sha256(resumed.model) == weights_sha256(whole.model)
    np.testing.assert_array_equal(resumed.weights_by_epoch, whole.weights_by_epoch)
    for one, other in zip(resumed.history, whole.history, strict=True):
        assert {**one, "seconds": 0} == {**other, "seconds": 0}


def test_early_stopping_counts_on_after_an_interruption(splits, tmp_path):
    stop = {"monitor": "val_loss", "patience": 3}
    recipe = changed("mlp_65x2", epochs=200, early_stopping=stop)
    whole = train(recipe, *splits, 10, seed=1)
    rows = len(whole.history)
    with pytest.raises(KeyboardInterrupt):
        Trainer(recipe, *splits, 10, 1, GRAPH).run([StopAt(rows - 1)], checkpoint(tmp_path))
    resumed = Trainer(recipe, *splits, 10, 1, GRAPH).run([], checkpoint(tmp_path))
    assert len(resumed.history) == rows
    assert weights_sha256(resumed.model) == weights_sha256(whole.model)


class StopAt(keras.callbacks.Callback):
    """Plays an interruption after a number of rows."""

    def __init__(self, rows: int):
        super().__init__()
        self._rows = rows

    def on_epoch_end(self, epoch, logs=None):
        if epoch + 1 == self._rows:
            raise KeyboardInterrupt


def test_a_checkpoint_that_does_not_fit_is_discarded(splits, tmp_path, capsys):
    checkpoint(tmp_path).save({"step": 5, "history": []}, [np.zeros(3)])
    training = Trainer(changed("softmax", epochs=1), *splits, 10, 1, GRAPH).run(
        [], checkpoint(tmp_path)
    )
    assert "does not fit this training; starting anew" in capsys.readouterr().err
    expected = train(changed("softmax", epochs=1), *splits, 10, seed=1)
    assert weights_sha256(training.model) == weights_sha256(expected.model)


def test_without_shuffling_images_come_in_their_order(splits):
    """One step from zero weights sees the first images only."""
    _, labels = splits[0]
    recipe = changed("softmax", epochs=None, steps=1, batch_size=10, shuffle=False)
    bias = train(recipe, *splits, 10, seed=1).model.get_weights()[1]
    expected = -0.01 * (0.1 - np.eye(10)[labels[:10]]).mean(axis=0)
    np.testing.assert_allclose(bias, expected, atol=1e-7)
