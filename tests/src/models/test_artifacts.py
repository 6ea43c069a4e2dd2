"""What a training leaves on disk can be read back, and what was altered is refused."""

import numpy as np
import pytest

from src.common.errors import PipelineError
from src.config.recipe import load_recipe
from src.models import artifacts
from src.training.execution import Execution
from src.training.trainer import Trainer

GRAPH = Execution("cpu", "graph", "float32")
RECIPE = {
    "family": "softmax",
    "weights": {"kind": "glorot_uniform"},
    "bias": {"kind": "zeros"},
    "optimizer": {"kind": "sgd", "learning_rate": 0.1},
    "batch_size": 100,
    "epochs": 2,
}


@pytest.fixture
def training(digits):
    images, labels = digits
    validation = images[:100], labels[:100]
    return Trainer(load_recipe(RECIPE), digits, validation, 10, 1, GRAPH, keep_epochs=True).run()


@pytest.fixture
def folder(tmp_path, training):
    folder = tmp_path / "tiny"
    folder.mkdir()
    plan = {"name": "tiny", "recipe": RECIPE, "train": {"seed": 1}, "keep_epochs": True}
    run_config = artifacts.make_run_config(plan, {"name": "digits"}, training.model, GRAPH)
    artifacts.save(folder, run_config, training)
    return folder


def test_the_model_comes_back_with_the_same_weights(folder, training):
    model = artifacts.load_model(folder)
    assert artifacts.weights_sha256(model) == artifacts.weights_sha256(training.model)
    assert artifacts.load_record(folder)["weights_sha256"] == artifacts.weights_sha256(model)


def test_the_history_comes_back(folder, training):
    assert artifacts.load_history(folder) == [
        pytest.approx({key: float(value) for key, value in row.items()}) for row in training.history
    ]


def test_the_weights_of_each_epoch_come_back(folder):
    model = artifacts.load_model(folder)
    first, last = artifacts.load_weights_by_epoch(folder, model)
    for saved, current in zip(last, model.get_weights(), strict=True):
        np.testing.assert_array_equal(saved, current)
    assert (first[0] != last[0]).any()


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 no archive", None])
def test_a_damaged_model_is_refused(folder, content):
    path = folder / artifacts.MODEL
    path.write_bytes(path.read_bytes()[:-1000] if content is None else content)
    with pytest.raises(PipelineError, match=r"model\.keras cannot be read .* train@tiny"):
        artifacts.load_model(folder)


def test_a_model_with_code_in_it_is_refused(folder):
    import keras

    inputs = keras.Input((28, 28))
    keras.Model(inputs, keras.layers.Lambda(lambda x: x * 2)(inputs)).save(folder / artifacts.MODEL)
    with pytest.raises(PipelineError, match="cannot be read"):
        artifacts.load_model(folder)


def test_a_damaged_history_is_refused(folder):
    (folder / artifacts.HISTORY).write_text("epoch,loss\n1,rubbish\n")
    with pytest.raises(PipelineError, match=r"history\.csv cannot be read"):
        artifacts.load_history(folder)


def test_another_models_weights_are_refused(folder):
    np.save(folder / artifacts.BY_EPOCH, np.zeros((2, 3), np.float32))
    with pytest.raises(PipelineError, match="is not this model's"):
        artifacts.load_weights_by_epoch(folder, artifacts.load_model(folder))


def test_a_pickle_is_never_loaded(folder):
    np.save(folder / artifacts.BY_EPOCH, np.array([{}], dtype=object), allow_pickle=True)
    with pytest.raises(PipelineError, match="cannot be read"):
        artifacts.load_weights_by_epoch(folder, artifacts.load_model(folder))


@pytest.mark.parametrize("content", ['{"name": "tiny"}', "[]", "null"])
def test_a_record_that_lacks_something_is_a_sentence(tmp_path, content):
    folder = tmp_path / "tiny"
    folder.mkdir()
    (folder / "training.json").write_text(content)
    sentence = (
        r"training.json cannot be read \(it lacks .*strategy.*\); run `dvc repro -f train@tiny`"
    )
    with pytest.raises(PipelineError, match=sentence):
        artifacts.load_record(folder)
