"""The output files of a training can be read, and damaged files are errors."""

import time

import numpy as np
import pytest

from src.common.errors import PipelineError
from src.common.tensorflow import keras
from src.models import artifacts
from src.training.network import build_model
from tests.fixtures.training import SMALL_RECIPES


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "models/softmax/tiny"


@pytest.fixture
def training(folder, save_tiny_training):
    return save_tiny_training(folder)


def load(folder):
    return artifacts.load_model(folder, artifacts.load_record(folder)["weights_sha256"])


def test_the_loaded_files_are_those_of_the_training(folder, training):
    model = load(folder)
    assert artifacts.weights_sha256(model) == artifacts.weights_sha256(training.model)
    assert artifacts.load_record(folder)["weights_sha256"] == artifacts.weights_sha256(model)
    assert artifacts.load_history(folder) == [
        pytest.approx({key: float(value) for key, value in row.items()}) for row in training.history
    ]
    count, rows = artifacts.load_weights_by_epoch(folder, model)
    first, last = rows
    assert count == 2
    assert all(map(np.array_equal, last, model.get_weights()))
    assert (first[0] != last[0]).any()
    assert " at epoch 2 after " in artifacts.summary(artifacts.load_record(folder), training)


def test_two_models_with_the_same_weights_give_the_same_bytes(tmp_path):
    for name in ("a", "b"):
        keras.backend.clear_session()
        keras.utils.set_random_seed(1)
        model = build_model(SMALL_RECIPES["mlp_65x2"], 28, 28, 10)
        artifacts.save_model(model, tmp_path / f"{name}.keras")
        time.sleep(2 if name == "a" else 0)  # the resolution of times in a zip file
    assert (tmp_path / "a.keras").read_bytes() == (tmp_path / "b.keras").read_bytes()
    assert {path.name for path in tmp_path.iterdir()} == {"a.keras", "b.keras"}


def other_weights(path):
    model = load(path.parent)
    model.set_weights([0 * weights for weights in model.get_weights()])
    model.save(path)


def code(path):
    inputs = keras.Input((28, 28))
    keras.Model(inputs, keras.layers.Lambda(lambda x: x * 2)(inputs)).save(path)


def truncated(path):
    path.write_bytes(path.read_bytes()[:-1000])


@pytest.mark.parametrize("damage", [other_weights, code, truncated])
def test_a_damaged_model_is_an_error(folder, training, damage):
    damage(folder / artifacts.MODEL)
    with pytest.raises(PipelineError, match=r"model\.keras cannot be read .* train@softmax"):
        load(folder)


def test_a_damaged_history_or_other_weights_are_errors(folder, training):
    (folder / artifacts.HISTORY).write_text("epoch,loss\n1,invalid\n")
    with pytest.raises(PipelineError, match=r"history\.csv cannot be read"):
        artifacts.load_history(folder)
    by_epoch = folder / artifacts.BY_EPOCH
    np.save(by_epoch, np.array([{}], dtype=object), allow_pickle=True)  # is never loaded
    with pytest.raises(PipelineError, match="cannot be read"):
        artifacts.load_weights_by_epoch(folder, load(folder))


@pytest.mark.parametrize("content", ['{"name": "tiny"}', "[]"])
def test_an_incomplete_record_is_an_error(folder, content):
    folder.mkdir(parents=True)
    (folder / "training.json").write_text(content)
    message = r"\(missing: .*recipe_sha256.*\); run `dvc repro -f train@softmax`"
    with pytest.raises(PipelineError, match=message):
        artifacts.load_record(folder)


def test_trained_folders_are_sorted_by_recipe(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("softmax/b", "cnn/c", "mlp/a"):
        (tmp_path / "models" / name).mkdir(parents=True)
        (tmp_path / "models" / name / artifacts.RECORD).touch()
    (tmp_path / "models/convnet").mkdir()
    (tmp_path / "models/convnet/not-selected.txt").touch()
    folders = artifacts.trained_folders()
    assert [str(each) for each in folders] == ["models/mlp/a", "models/softmax/b", "models/cnn/c"]
