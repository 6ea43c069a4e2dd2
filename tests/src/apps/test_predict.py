"""Predictions by trained models in a folder, and the choice of the model."""

import json
import shutil
from types import SimpleNamespace

import keras
import numpy as np
import pytest
from PIL import Image

from src.apps import classifiers as classifiers_module
from src.apps import predict
from src.apps.classifiers import choose, classifiers
from src.apps.familiarity import HINT, Familiarity
from src.common.errors import PipelineError
from src.models.artifacts import load_record, weights_sha256


@pytest.fixture
def checkout(tmp_path, monkeypatch, make_training, model_file):
    """Two trained models, no champion, and an image file."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    weights = {"weights_sha256": weights_sha256(keras.saving.load_model(model_file))}
    make_training(tmp_path / "models/cnn/good", model_file, **weights)
    make_training(tmp_path / "models/cnn/best", model_file, val_accuracy=0.95, **weights)
    record = load_record(tmp_path / "models/cnn/best")
    folder = tmp_path / "data/processed/training"
    folder.mkdir(parents=True)
    (folder / "dataset.json").write_text(json.dumps(record["dataset"]))
    image = np.full((6, 5), 255, np.uint8)
    image[1:5, 2] = 0
    Image.fromarray(image).save(tmp_path / "one.png")
    monkeypatch.setattr(predict, "familiarity", lambda folder: None)  # there are no images
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


def test_a_champion_with_other_weights_is_an_error(checkout):
    champion = SimpleNamespace(
        recipe="cnn", weights_sha256="0", download=lambda _: checkout / "models/cnn/good"
    )
    with pytest.raises(PipelineError, match="the champion, cnn, cannot be") as failed:
        classifiers_module._download(champion)
    assert "its weights are not those of training.json)); choose another" in str(failed.value)


@pytest.fixture
def program(checkout, monkeypatch, capsys):
    """Run the program in the checkout; return what it printed, and its error or None."""

    def run(*arguments):
        monkeypatch.setattr("sys.argv", ["predict", *map(str, arguments)])
        try:
            predict.main()
        except PipelineError as error:
            return capsys.readouterr(), str(error)
        return capsys.readouterr(), None

    return run


def test_a_file_is_predicted_and_saved(checkout, program):
    (output, _), error = program("one.png", "--save", "out")
    assert "model: best (validation accuracy 0.9500)" in output
    assert "one.png (dark on light, 5×6: not scaled): predicted " in output
    assert output.count("%") == 3
    assert (checkout / "out/one-prediction.png").stat().st_size > 1000
    assert error is None


def test_no_file_of_the_user_is_replaced(checkout, program):
    for name in ("a", "b"):
        (checkout / name).mkdir()
        shutil.copy(checkout / "one.png", checkout / name / "one.png")
    Image.open(checkout / "one.png").save(checkout / "one.bmp")
    files = ["one.png", "a/one.png", "b/one.png", "one.bmp"]
    before = [(checkout / name).read_bytes() for name in files]
    (output, _), error = program(*files, "--save", ".")
    assert error is None
    assert [(checkout / name).read_bytes() for name in files] == before
    saved = [line.split()[-1] for line in output.splitlines() if "saved as" in line]
    numbers = ("", "-2", "-3", "-4")
    assert saved == [f"one-prediction{number}.png" for number in numbers]
    assert all((checkout / name).stat().st_size > 1000 for name in saved)


def test_files_that_cannot_be_used_do_not_stop_the_others(checkout, program):
    (checkout / "te\x1bxt.png").write_text("text")
    files = ["te\x1bxt.png", *["one.png"] * 3, "missing.png"]
    (output, errors), error = program(*files, "--save", "out")
    assert output.count("one.png (dark on light") == 3
    assert len(list((checkout / "out").iterdir())) == 3
    first, second = errors.splitlines()
    assert first.startswith(r"warning: te\x1bxt.png cannot be read as an image")
    assert second == "warning: missing.png cannot be read: No such file or directory"
    assert error == "2 of 5 files could not be predicted; see the warnings above"


def test_a_single_file_that_cannot_be_used_is_the_error(program):
    (_, errors), error = program("missing.png")
    assert errors == "" and error == "missing.png cannot be read: No such file or directory"


def test_a_file_that_is_not_like_the_training_images_has_a_hint(checkout, program, monkeypatch):
    inner = np.random.default_rng(0).integers(0, 90, (200, 4, 3), np.uint8)
    dark = np.pad(inner, ((0, 0), (1, 1), (1, 1)))
    known = Familiarity(dark[:100], dark[100:])
    monkeypatch.setattr(predict, "familiarity", lambda folder: known)
    for number, image in enumerate((dark[0], np.pad(np.full((4, 3), 255, np.uint8), 1))):
        Image.fromarray(image).save(checkout / f"{number}.gif")
    (output, _), error = program("0.gif", "1.gif")
    assert error is None
    familiar, unfamiliar = output.split("1.gif")
    assert HINT not in familiar and HINT in unfamiliar


def test_without_data_and_models_one_sentence_says_what_to_do(program, checkout):
    shutil.rmtree(checkout / "data")
    _, error = program("one.png")
    assert error == "no model is trained yet; run `make repro`"


def test_a_folder_that_cannot_be_written_is_an_error(program):
    _, error = program("one.png", "--save", "one.png/below")
    assert error.startswith("one.png/below/one-prediction.png cannot be written: Not a directory;")
