"""The errors of trained models on corrupted test images, in a folder with the digits dataset."""

import csv
import re
import shutil

import numpy as np
import pytest
from PIL import Image

from src.apps import robustness
from src.apps.robustness import corruptions_figure
from src.common import paths
from src.common.errors import PipelineError
from src.common.files import write_json
from src.data.splits import load_dataset_info, load_split
from src.evaluation.corruptions import CORRUPTIONS, corrupt
from src.evaluation.robustness import TEST_SETS
from src.models import artifacts
from src.models.inference import Predictor
from src.models.metrics import accuracy


@pytest.fixture(scope="module")
def trained(tmp_path_factory, write_plan, save_tiny_training, tiny_recipe):
    """A softmax model of the digits dataset, with the name a, and the same one as b."""
    checkout = tmp_path_factory.mktemp("checkout")
    write_plan(checkout, "a", tiny_recipe)
    save_tiny_training(checkout / "models/softmax/a")
    record = artifacts.load_record(checkout / "models/softmax/a")
    record["dataset"] = load_dataset_info(checkout / paths.PROCESSED)
    write_json(checkout / "models/softmax/a" / artifacts.RECORD, record)
    shutil.copytree(checkout / "models/softmax/a", checkout / "models/softmax/b")
    return checkout


@pytest.fixture
def checkout(trained, tmp_path, monkeypatch):
    """A copy of these files, as the working directory."""
    for name in ("data", "models"):
        shutil.copytree(trained / name, tmp_path / name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def program(monkeypatch, capsys):
    """Run the program in the working directory; return what it printed."""

    def run(*recipes):
        monkeypatch.setattr("sys.argv", ["robustness", *recipes])
        robustness.main()
        return capsys.readouterr().out

    return run


def rows_of(recipe):
    with open(paths.ROBUSTNESS, newline="") as file:
        return [row for row in csv.DictReader(file) if row["recipe"] == recipe]


def change_record(folder, **changes):
    write_json(folder / artifacts.RECORD, artifacts.load_record(folder) | changes)


def test_the_errors_are_those_of_the_model_on_the_corrupted_test_images(checkout, program):
    output = program("a")
    rows = rows_of("a")
    weights = artifacts.load_record(checkout / "models/softmax/a")["weights_sha256"]
    assert {row["weights"] for row in rows} == {weights[:12]}
    found = {(row["corruption"], int(row["strength"])): float(row["error"]) for row in rows}
    assert list(found) == TEST_SETS
    images, labels = load_split(paths.PROCESSED, "test")
    predictor = Predictor(artifacts.load_model(checkout / "models/softmax/a", weights))

    def error(images):
        return 1 - accuracy(predictor.logits(images), labels)

    assert found["none", 0] == pytest.approx(error(images), abs=1e-5)
    assert found["none", 0] < 0.2
    for name, level in TEST_SETS[1:]:
        expected = error(corrupt(images, name, level))
        assert found[name, level] == pytest.approx(expected, abs=1e-5)
    assert found["shift", 3] > 0.5, "a softmax model has a weight for each place"
    mean = np.mean([found[each] for each in TEST_SETS[1:]])
    worst = max(list(found)[1:], key=found.__getitem__)
    (line,) = (line for line in output.splitlines() if line.startswith("a "))
    where = rf"\({worst[0]}, strength {worst[1]}\)"
    expected = rf"a +{found['none', 0]:.2%} +{mean:.2%} +{found[worst]:.2%} {where} *"
    assert re.fullmatch(expected, line)


def test_all_models_are_measured_and_drawn(checkout, program):
    output = program()
    assert [row | {"recipe": "a"} for row in rows_of("b")] == rows_of("a")
    assert len(rows_of("b")) == len(TEST_SETS)
    for path in (paths.ROBUSTNESS_PLOT, paths.CORRUPTIONS_PLOT):
        assert min(Image.open(path).size) > 200 and str(path) in output
    assert not list(checkout.rglob("*.partial*"))


def test_the_rows_of_other_recipes_stay_until_their_weights_change(checkout, program):
    program("a")
    rows = rows_of("a")
    output = program("b")
    assert rows_of("a") == rows and rows_of("b")
    assert re.search("^a ", output, re.M) and re.search("^b ", output, re.M)
    change_record(checkout / "models/softmax/a", weights_sha256="0" * 64)
    output = program("b")
    assert rows_of("a") == [] and rows_of("b")
    assert not re.search("^a ", output, re.M)


def test_the_rows_of_a_recipe_that_was_removed_are_removed(checkout, program):
    program()
    shutil.rmtree(checkout / "models/softmax/a")
    program("b")
    assert rows_of("a") == [] and rows_of("b")


def test_an_unknown_recipe_is_an_error_that_lists_the_trained_ones(checkout, program):
    with pytest.raises(PipelineError, match="no trained model 'vgg'; the trained models are: a, b"):
        program("a", "vgg")


def test_without_models_or_data_one_sentence_says_what_to_do(checkout, program):
    shutil.rmtree(checkout / paths.PROCESSED / "test")
    with pytest.raises(PipelineError, match="is missing; run `dvc repro preprocess`"):
        program()
    shutil.rmtree(checkout / "models")
    with pytest.raises(PipelineError, match="no model is trained yet; run `make repro`"):
        program()
    assert not paths.ROBUSTNESS.exists()


def test_a_damaged_model_is_an_error_and_the_table_stays(checkout, program):
    program("a")
    before = paths.ROBUSTNESS.read_bytes()
    (checkout / "models/softmax/b" / artifacts.MODEL).write_bytes(b"damaged")
    with pytest.raises(PipelineError, match="run `dvc repro -f train@softmax`"):
        program()
    assert paths.ROBUSTNESS.read_bytes() == before


@pytest.mark.parametrize("shape", [(28, 28), (8, 8), (6, 5), (3, 40)])
def test_the_sheet_has_a_row_for_each_corruption_of_any_image(shape):
    images = np.random.default_rng(0).integers(0, 256, (2, *shape), np.uint8)
    figure = corruptions_figure(images)
    (axes,) = figure.axes
    names = [label.get_text() for label in axes.get_yticklabels()]
    assert [name.partition(" (")[0] for name in names] == list(CORRUPTIONS)
    places = {}
    for text in axes.texts:
        places.setdefault(text.get_position()[1], []).append(text.get_text())
    assert len(places) == len(CORRUPTIONS), "each corruption is in one row"
    first = list(dict.fromkeys(min(places.items())[1]))
    assert first == ["unchanged", "1", "2", "3"]
