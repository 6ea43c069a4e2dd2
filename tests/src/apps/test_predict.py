"""Predictions by trained models in a folder, and the choice of the model."""

import json

import keras
import numpy as np
import pytest
from PIL import Image

from src.apps import predict
from src.apps.classifiers import choose, classifiers
from src.common.errors import PipelineError
from src.models.artifacts import load_record, weights_sha256


@pytest.fixture
def checkout(tmp_path, monkeypatch, make_training, model_file):
    """Two trained models, no champion, and an image file."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    weights = {"weights_sha256": weights_sha256(keras.saving.load_model(model_file))}
    make_training(tmp_path / "models/good", model_file, **weights)
    make_training(tmp_path / "models/best", model_file, val_accuracy=0.95, **weights)
    record = load_record(tmp_path / "models/best")
    folder = tmp_path / "data/processed/training"
    folder.mkdir(parents=True)
    (folder / "dataset.json").write_text(json.dumps(record["dataset"]))
    image = np.full((6, 5), 255, np.uint8)
    image[1:5, 2] = 0
    Image.fromarray(image).save(tmp_path / "one.png")
    return tmp_path


def test_the_best_model_comes_first(checkout):
    assert [each.name for each in classifiers()] == ["best", "good"]
    assert str(choose("good")) == "good (validation accuracy 0.9000)"


def test_an_unknown_model_is_an_error_that_lists_the_trained_ones(checkout):
    with pytest.raises(PipelineError, match="no trained model 'vgg'; the trained models are: best"):
        choose("vgg")


def test_a_model_for_another_number_of_classes_is_not_used(checkout):
    path = checkout / "data/processed/training/dataset.json"
    dataset = json.loads(path.read_text())
    path.write_text(json.dumps(dataset | {"classes": dataset["classes"] + 1}))
    with pytest.raises(PipelineError, match="no model is trained on mnist yet"):
        classifiers()


def test_a_file_is_predicted_and_saved(checkout, monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["predict", "one.png", "--save", "out"])
    predict.main()
    output = capsys.readouterr().out
    assert "model: best (validation accuracy 0.9500)" in output
    assert "one.png (dark on light, 5×6: not scaled): predicted " in output
    assert output.count("%") == 3
    assert (checkout / "out/one.png").stat().st_size > 1000


def test_files_with_the_same_name_are_saved_as_different_files(checkout, monkeypatch, capsys):
    files = ["one.png", "a/one.png", "one (1).png", "one (2).png"]
    (checkout / "a").mkdir()
    for file in files[1:]:
        (checkout / file).write_bytes((checkout / "one.png").read_bytes())
    monkeypatch.setattr("sys.argv", ["predict", *files, "--save", "out"])
    predict.main()
    saved = sorted(path.name for path in (checkout / "out").iterdir())
    assert saved == ["one--1-.png", "one--2-.png", "one-2.png", "one.png"]
