"""Predictions by trained models in a folder, and the choice of the model."""

import io
import json
import re
import shutil

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from rich.console import Console

from src.apps import predict
from src.apps.classifiers import NO_DIGIT, UNFAMILIAR, choose, classifiers
from src.common.errors import PipelineError
from src.common.tensorflow import keras
from src.models.artifacts import load_record, weights_sha256
from src.pictures.convert import Picture


@pytest.fixture
def checkout(tmp_path, monkeypatch, make_training, model_file):
    """Three trained models, and an image file."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    weights = {"weights_sha256": weights_sha256(keras.saving.load_model(model_file))}
    make_training(tmp_path / "models/cnn/good", model_file, val_accuracy=0.95, **weights)
    make_training(tmp_path / "models/cnn/best", model_file, corrupted_accuracy=0.85, **weights)
    proud = {"least_evidence": 1000.0, "corrupted_accuracy": 0.1}  # it knows no image
    make_training(tmp_path / "models/cnn/proud", model_file, **weights | proud)
    record = load_record(tmp_path / "models/cnn/best")
    folder = tmp_path / "data/processed/training"
    folder.mkdir(parents=True)
    (folder / "dataset.json").write_text(json.dumps(record["dataset"]))
    image = np.full((6, 5), 255, np.uint8)
    image[1:5, 2] = 0
    Image.fromarray(image).save(tmp_path / "one.png")
    return tmp_path


def test_the_model_that_reads_corrupted_images_best_comes_first(checkout):
    assert [each.name for each in classifiers()] == ["best", "good", "proud"]
    assert str(choose("good")) == "good (validation accuracy 0.9500, on corrupted images 0.8000)"
    with pytest.raises(PipelineError, match="no trained model 'vgg'; the trained models are: best"):
        choose("vgg")


def test_a_model_for_another_number_of_classes_is_not_used(checkout):
    path = checkout / "data/processed/training/dataset.json"
    dataset = json.loads(path.read_text())
    path.write_text(json.dumps(dataset | {"classes": dataset["classes"] + 1}))
    with pytest.raises(PipelineError, match="no model is trained on mnist yet"):
        classifiers()


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


def test_a_file_is_predicted_and_saved_with_its_number(checkout, program):
    (output, _), error = program("one.png", "one.png", "--save", "out")
    assert error is None
    assert (
        "model: best (validation accuracy 0.9000, on corrupted images 0.8500): the best on"
        in output
    )
    assert "one.png (dark on light, 5×6: centered like MNIST): predicted " in output
    assert output.count("%") == 2 * 4
    saved = sorted(path.name for path in (checkout / "out").iterdir())
    assert saved == ["1-one.png", "2-one.png"]


def test_files_that_cannot_be_used_do_not_stop_the_others(checkout, program):
    (checkout / "te\x1bxt.png").write_text("text")
    files = ["te\x1bxt.png", *["one.png"] * 3, "missing.png"]
    (output, errors), error = program(*files, "--save", "out")
    assert output.count("one.png (dark on light") == 3
    assert len(list((checkout / "out").iterdir())) == 3
    first, second = errors.splitlines()
    assert first.startswith(r"warning: te\x1bxt.png cannot be read as an image")
    assert second == "warning: missing.png cannot be read: No such file or directory"
    assert error.startswith("2 of 5 files could not be predicted; see the warnings above, and use")


def test_a_hint_says_why_a_prediction_can_be_wrong(program):
    (output, _), _ = program("one.png", "--model", "proud")
    assert UNFAMILIAR in output
    wide = np.full((40, 160), 255, np.uint8)
    wide[15:25, 20:140] = 0
    Image.fromarray(wide).save("wide.png")
    (output, _), _ = program("wide.png", "one.png")
    assert [NO_DIGIT in part for part in output.split("one.png")] == [True, False]
    assert UNFAMILIAR not in output


def test_digits_in_a_row_are_read_from_left_to_right(checkout, program):
    row = np.full((40, 120), 255, np.uint8)
    row[8:32, 20:24] = row[8:32, 60:64] = row[8:12, 90:110] = row[8:32, 106:110] = 0
    Image.fromarray(row).save("row.png")
    (output, _), error = program("row.png", "--save", "out")
    assert error is None and re.search("predicted [012] [012] [012]\n", output)
    assert output.count("%") == 3 + 1  # one bar for each digit; one in the second line
    names = [f"1-row-{digit}.png" for digit in (1, 2, 3)]
    assert sorted(path.name for path in (checkout / "out").iterdir()) == names
    program("row.png", "one.png", "--out", "rows.csv")
    table = pd.read_csv("rows.csv", dtype=str)
    assert re.fullmatch("[012] [012] [012]", table.label[0]) and len(table.label[1]) == 1
    path = checkout / "data/processed/training/dataset.json"
    names = {"class_names": ["one", "two", "three"]}  # of classes that are no digits
    path.write_text(json.dumps(json.loads(path.read_text()) | names))
    assert re.search("predicted (one|two|three)\n", program("row.png")[0].out)


# Many images


def test_a_folder_is_predicted_into_a_table(checkout, program):
    (checkout / "=1+2/b").mkdir(parents=True)
    shutil.copy("one.png", "=1+2/b/0.PNG")
    (checkout / "=1+2/te\x1bxt.gif").write_text("text")
    (checkout / "=1+2/notes.txt").touch()
    options = ("--model", "proud", "--out", "out/predictions.csv")
    (output, errors), error = program("=1+2", "one.png", *options)
    assert error is None and output.endswith("out/predictions.csv: 2 of 3 images predicted\n")
    assert errors == "warning: 1 files that cannot be used:\n" + (
        "  ./=1+2/te\\x1bxt.gif cannot be read as an image\n"
    )
    table = pd.read_csv("out/predictions.csv", keep_default_na=False, dtype=str)
    assert [*table.columns] == ["file", "label", "probability", "hint"]
    assert table.file.to_list() == ["./=1+2/b/0.PNG", r"./=1+2/te\x1bxt.gif", "one.png"]
    assert table.hint.to_list() == [UNFAMILIAR, "cannot be read as an image", UNFAMILIAR]
    assert set(table.label) <= {"0", "1", "2", ""} and (table.label == "").sum() == 1
    assert table.probability[0][:2] == "0."


def test_the_images_of_a_folder_are_shown_if_they_are_few(checkout, program):
    (checkout / "few").mkdir()
    shutil.copy("one.png", "few/one.png")
    (output, _), error = program("few")
    assert error is None and output.count("one.png (dark on light") == 1
    for number in range(60):
        shutil.copy("one.png", f"few/{number}.png")
    _, error = program("few")
    assert error.startswith("61 files are too many to show; ") and "--out" in error
    (checkout / "empty").mkdir()
    assert program("empty")[1] == "empty has no image files; give another folder"


@pytest.fixture
def images():
    """1,000 images, and the classes that the model predicts: more than one batch."""
    images = np.random.default_rng(0).integers(0, 256, (1000, 6, 5), np.uint8)
    pictures = [Picture(image, "") for image in images]
    return images, choose("best").predict(pictures)[0].argmax(1)


def test_a_table_is_predicted_as_kaggle_asks(checkout, program, images):
    pixels, expected = images
    frame = pd.DataFrame(pixels.transpose(0, 2, 1).reshape(1000, -1)).add_prefix("pixel")
    frame.to_csv("test.csv", index=False)
    options = ("--transpose", "--out", "submission.csv")
    (output, _), error = program("--table", "test.csv", *options)
    assert error is None and output.endswith("submission.csv: 1,000 images predicted\n")
    rows = [f"{number},{label}" for number, label in enumerate(expected, 1)]
    assert (checkout / "submission.csv").read_text().splitlines() == ["ImageId,Label", *rows]
    frame.assign(what=np.where(frame.index < 250, expected, 7)).to_parquet("test.parquet")
    (output, _), _ = program("--table", "test.parquet", "--label", "what", *options)
    assert output.endswith("accuracy: 0.2500\n")
    info = checkout / "data/processed/training/dataset.json"
    names = {"class_names": ["Ankle boot", "Bag", "Coat"]}  # which a table has as numbers
    info.write_text(json.dumps(json.loads(info.read_text()) | names))
    (output, _), _ = program("--table", "test.parquet", "--label", "what", *options)
    assert output.endswith("accuracy: 0.2500\n")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("--table a.csv", "--table needs --out FILE"),
        ("--table a.csv --out b.csv one.png", "give image files, --test N, or --table"),
        ("--test 1 one.png", "give image files, --test N, or --table"),
        ("--test 1 --out b.csv", "--test has none"),
        ("one.png --save charts --out b.csv", "leave out --out or --save"),
        ("one.png --transpose", "--label and --transpose say how a table is read; add --table"),
        ("", "give image files, --test N, or --table"),
    ],
)
def test_other_arguments_are_refused(program, capsys, arguments, message):
    with pytest.raises(SystemExit):
        program(*arguments.split())
    assert message in capsys.readouterr().err


def test_a_table_of_another_size_is_refused(checkout, program):
    (checkout / "a.csv").write_text("\n".join(["1" + ",2" * 28] * 2))
    _, error = program("--table", "a.csv", "--out", "b.csv")
    assert "28 columns of pixels (2, 3, 4, …, 29), but 5×6 images are wanted; use a table" in error
    assert not (checkout / "b.csv").exists()


PROBABILITIES = np.array([0.02, 0.9, 0.08])
NAMES = ["Tür", "[red]", "ねこ"]


def shown(title, probabilities, names, actual):
    """What the terminal shows."""
    console = Console(file=io.StringIO(), width=80)
    picture = Picture(np.zeros((6, 5), np.uint8), "")
    label = names[int(probabilities.argmax())]
    prediction = predict.Prediction([picture], probabilities[None], label, "")
    predict.show(console, title, prediction, names, actual)
    return console.file.getvalue()


def test_the_terminal_shows_a_bar_for_each_class():
    title, *rows = shown("seven.png", PROBABILITIES, NAMES, 2).strip().splitlines()
    assert title == "seven.png: actual ねこ, predicted [red]  ✗"
    assert [row.split()[0] for row in rows] == NAMES
    lengths = [row.count("█") for row in rows]
    assert lengths[1] > 10 * lengths[2] > 0
    assert "90.00%" in rows[1]
    second = shown("other.png", PROBABILITIES, NAMES, None).strip()
    assert second.splitlines()[0] == "other.png: predicted [red]"


def test_the_figure_shows_the_image_and_the_bars_of_the_most_probable_classes():
    image = np.zeros((6, 5), np.uint8)
    figure = predict.prediction_figure(image, PROBABILITIES, NAMES, actual=2)
    assert figure.get_suptitle() == "actual: class 2, predicted: [red]"
    left, right = figure.axes
    assert left.images[0].get_array().shape == (6, 5)
    np.testing.assert_allclose([bar.get_height() for bar in right.patches], PROBABILITIES)
    many, names = np.linspace(0, 1, 256) / 128, [f"name {number}" for number in range(256)]
    right = predict.prediction_figure(image, many, names, actual=1).axes[1]
    assert [label.get_text() for label in right.get_xticklabels()] == names[-20:]
    assert (right.get_xlabel(), right.get_ylabel()) == ("class (20 of 256)", "probability")
    assert shown("seven.png", many, names, 1).endswith("  … and 236 less probable classes\n")
