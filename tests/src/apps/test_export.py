"""Export: what is printed, and what is refused. tests/test_use.py runs the exported files."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest

from src.apps import export
from src.common.errors import PipelineError
from src.common.tensorflow import keras
from src.models.artifacts import load_record, weights_sha256
from src.models.inference import Predictor


@pytest.fixture
def program(tmp_path, monkeypatch, make_training, model_file):
    """Run the program in a folder with a trained model and test images."""
    monkeypatch.chdir(tmp_path)
    weights = weights_sha256(keras.saving.load_model(model_file))
    folder = make_training(tmp_path / "models/cnn/small", model_file, weights_sha256=weights)
    dataset = load_record(folder)["dataset"]
    for part in ("training", "test"):
        (tmp_path / "data/processed" / part).mkdir(parents=True)
    (tmp_path / "data/processed/training/dataset.json").write_text(json.dumps(dataset))
    images = np.random.default_rng(0).integers(0, 256, (40, 6, 5), np.uint8)
    np.save(tmp_path / "data/processed/test/test_images.npy", images)
    np.save(tmp_path / "data/processed/test/test_labels.npy", np.zeros(40, np.uint8))

    def run(*arguments):
        monkeypatch.setattr("sys.argv", ["export", "small", *arguments])
        export.main()

    return run


def test_the_result_is_compared_with_the_model(program, capsys, tmp_path):
    program("--format", "saved_model")
    _, line = capsys.readouterr().out.splitlines()
    assert line.startswith("out/small: ") and "0 other predictions" in line
    assert (tmp_path / "out/small/saved_model.pb").exists()


@pytest.mark.parametrize("int8", [False, True])
def test_a_file_that_predicts_otherwise_is_not_kept(program, monkeypatch, tmp_path, int8):
    kind = ["--format", "litert", "--int8"] if int8 else ["--format", "onnx"]
    labels = Path("data/processed/test/test_labels.npy")

    def opposite(model, *_):
        logits = Predictor(model).logits
        right = logits(np.load(labels.with_stem("test_images"))).argmax(axis=1)
        np.save(labels, right.astype("uint8"))
        return lambda images: -logits(images)

    monkeypatch.setattr(export, "export", opposite)
    with pytest.raises(PipelineError, match=r"nothing was written.* 40 test images: accuracy 0.0"):
        program(*kind)
    assert [*(tmp_path / "out").iterdir()] == []


def test_what_is_missing_is_named(program, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(PipelineError, match=r"onnxruntime.*pip install -r requirements-export.txt"):
        program("--format", "onnx")
    with pytest.raises(SystemExit):
        program("--format", "saved_model", "--int8")
