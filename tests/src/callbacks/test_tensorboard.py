"""TensorBoard shows the scalars, the weight histograms and the graph of a training."""

import json

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.graph.keras_util import keras_model_to_graph_def

from src.callbacks import tensorboard
from src.common.tensorflow import tf
from src.config.recipe import load_recipe
from src.models.artifacts import weights_sha256


@pytest.fixture
def train(new_trainer, tiny_recipe, tmp_path):
    """Train with the callback."""

    def train(resumes=False, epochs=2, **changes):
        trainer = new_trainer(load_recipe(tiny_recipe | {"epochs": epochs} | changes))
        return trainer.run([tensorboard.TensorBoard(tmp_path / "logs", resumes)])

    return train


def test_the_files_contain_scalars_histograms_and_the_graph(train, tmp_path):
    training = train(epochs=12)
    train_events, validation_events = (
        EventAccumulator(str(tmp_path / "logs" / name), {"tensors": 0}).Reload()
        for name in ("train", "validation")
    )
    rows = training.history
    for events, tag, name in (
        (train_events, "epoch_loss", "loss"),
        (validation_events, "epoch_loss", "val_loss"),
        (validation_events, "epoch_accuracy", "val_accuracy"),
    ):
        scalars = events.Tensors(tag)
        assert [each.step for each in scalars] == [row["epoch"] for row in rows]
        values = [tf.make_ndarray(each.tensor_proto) for each in scalars]
        assert values == pytest.approx([row[name] for row in rows])
    kernel = training.model.weights[0].path
    assert 5 <= len(train_events.Tensors(f"{kernel}/histogram")) <= tensorboard.HISTOGRAMS
    (graph,) = train_events.Tensors("keras")
    nodes = keras_model_to_graph_def(json.loads(tf.make_ndarray(graph.tensor_proto).item())).node
    layers = [layer.name for layer in training.model.layers]
    assert [node.name.split("/")[-1] for node in nodes] == layers


@pytest.mark.parametrize(
    ("length", "numbers"),
    [
        ({"steps": 40, "validate_every": 18}, [2, 3, 4]),  # epochs 1.5, 3 and 3.3
        ({"steps": 15, "validate_every": 6}, [1, 2, 3]),  # epochs 0.5, 1 and 1.3
    ],
)
def test_rows_between_epochs_have_numbers_of_their_own(train, tmp_path, length, numbers):
    train(epochs=None, **length)
    events = EventAccumulator(str(tmp_path / "logs/train"), {"tensors": 0}).Reload()
    assert [each.step for each in events.Tensors("epoch_loss")] == numbers


def test_large_weights_have_no_histograms(train, tmp_path, monkeypatch):
    monkeypatch.setattr(tensorboard, "MAX_HISTOGRAM", 10)
    train()
    tags = EventAccumulator(str(tmp_path / "logs/train"), {"tensors": 0}).Reload().Tags()["tensors"]
    assert "epoch_loss" in tags
    assert not any("histogram" in tag for tag in tags)


def test_a_resumed_training_keeps_the_files_and_a_new_one_removes_them(train, tmp_path):
    train()
    train()
    assert len(list((tmp_path / "logs/train").iterdir())) == 1
    train(resumes=True)
    assert len(list((tmp_path / "logs/train").iterdir())) == 2


def test_the_callback_does_not_change_the_weights(train, new_trainer, tiny_recipe):
    plain = new_trainer(load_recipe(tiny_recipe)).run()
    assert weights_sha256(train().model) == weights_sha256(plain.model)


def test_folders_are_named_after_recipe_and_experiment(tmp_path, monkeypatch):
    monkeypatch.delenv("DVC_EXP_NAME", raising=False)
    assert tensorboard.folder(tmp_path, "cnn") == tmp_path / "cnn/workspace"
    monkeypatch.setenv("DVC_EXP_NAME", "bold-move")
    assert tensorboard.folder(tmp_path, "cnn") == tmp_path / "cnn/bold-move"
