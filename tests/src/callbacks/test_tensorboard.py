"""What TensorBoard finds of a training."""

import pytest
import tensorflow as tf

from src.callbacks import tensorboard
from src.config.recipe import load_recipe
from src.training.trainer import Trainer
from tests.src.models.test_artifacts import GRAPH, RECIPE


def train(digits, folder, goes_on=False, epochs=12):
    images, labels = digits
    recipe = load_recipe(RECIPE | {"epochs": epochs})
    trainer = Trainer(recipe, digits, (images[:100], labels[:100]), 10, 1, GRAPH)
    return trainer.run([tensorboard.TensorBoard(folder, goes_on)])


def found(folder):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    return EventAccumulator(str(folder), {"tensors": 0}).Reload()


def test_it_finds_scalars_histograms_and_the_graph(digits, tmp_path):
    training = train(digits, tmp_path / "logs")
    train_events, validation = found(tmp_path / "logs/train"), found(tmp_path / "logs/validation")
    steps = [row["step"] for row in training.history]

    def scalars(events, name):
        return [(each.step, tf.make_ndarray(each.tensor_proto)) for each in events.Tensors(name)]

    rows = training.history
    expected = {
        (train_events, "epoch_loss"): [row["loss"] for row in rows],
        (validation, "epoch_loss"): [row["val_loss"] for row in rows],
        (validation, "epoch_accuracy"): [row["val_accuracy"] for row in rows],
    }
    for (events, name), values in expected.items():
        assert [step for step, _ in scalars(events, name)] == steps
        assert [value for _, value in scalars(events, name)] == pytest.approx(values)
    kernel = training.model.weights[0].path
    kinds = train_events.Tags()["tensors"]
    assert kernel in kinds
    assert len(train_events.Graph().node) > 5
    assert 5 <= len(train_events.Tensors(kernel)) <= tensorboard.HISTOGRAMS


def test_a_new_training_starts_the_files_anew_and_one_that_goes_on_does_not(digits, tmp_path):
    train(digits, tmp_path / "logs", epochs=2)
    train(digits, tmp_path / "logs", epochs=2)
    assert len(list((tmp_path / "logs/train").iterdir())) == 1
    train(digits, tmp_path / "logs", goes_on=True, epochs=2)
    assert len(list((tmp_path / "logs/train").iterdir())) == 2


def test_the_weights_are_those_of_a_training_without_it(digits, tmp_path):
    images, labels = digits
    recipe = load_recipe(RECIPE)
    plain = Trainer(recipe, digits, (images[:100], labels[:100]), 10, 1, GRAPH).run()
    watched = train(digits, tmp_path / "logs", epochs=2)
    for ours, theirs in zip(plain.model.get_weights(), watched.model.get_weights(), strict=True):
        assert (ours == theirs).all()


def test_folders_are_named_by_recipe_and_experiment(tmp_path, monkeypatch):
    monkeypatch.delenv("DVC_EXP_NAME", raising=False)
    assert tensorboard.folder(tmp_path, "cnn") == tmp_path / "cnn/workspace"
    monkeypatch.setenv("DVC_EXP_NAME", "bold-move")
    assert tensorboard.folder(tmp_path, "cnn") == tmp_path / "cnn/bold-move"
