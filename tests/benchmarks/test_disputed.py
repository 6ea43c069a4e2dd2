"""The errors on the disputed labels of MNIST, and the picture of these images."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from benchmarks import disputed
from src.common.errors import PipelineError


def results(wrong: dict[int, int], name: str = "mnist") -> SimpleNamespace:
    """Results for 10,000 images with the label 0; ``wrong`` are those that are not predicted 0."""
    table = pd.DataFrame({"actual": [0] * 10_000, "predicted": [0] * 10_000})
    table.loc[list(wrong), "predicted"] = list(wrong.values())
    return SimpleNamespace(predictions=table, record={"dataset": {"name": name}})


@pytest.fixture
def measure(monkeypatch, tmp_path):
    """Measure the results of models; the test split has this name and number of images."""

    def start(found, name="mnist", count=10_000):
        images = np.zeros((count, 4, 4), np.uint8)
        monkeypatch.setattr(disputed, "PICTURE", tmp_path / "disputed.png")
        monkeypatch.setattr(disputed, "read_evaluations", lambda folder: found)
        monkeypatch.setattr(disputed, "load_split", lambda folder, split: (images, None))
        monkeypatch.setattr(disputed, "load_dataset_info", lambda folder: {"name": name})
        return list(disputed.measure(1))

    return start


def test_errors_on_disputed_images_are_counted_best_model_first(measure, tmp_path):
    found = {"a": results({947: 9, 1621: 6, 1: 1}), "b": results({947: 8, 2: 3})}
    assert measure(found)[1:] == ["| b | 2 | 1 |", "| a | 3 | 2 |"]
    assert (tmp_path / "disputed.png").read_bytes()[:4] == b"\x89PNG"


@pytest.mark.parametrize(
    ("of_results", "of_images", "count"),
    [("local", "mnist", 10_000), ("mnist", "fashion-mnist", 10_000), ("mnist", "mnist", 9_999)],
)
def test_other_images_have_no_list_of_disputed_labels(measure, of_results, of_images, count):
    with pytest.raises(PipelineError, match="only MNIST's 10,000 test images"):
        measure({"a": results({}, of_results)}, of_images, count)


def test_a_caption_has_the_two_most_frequent_predictions():
    images = np.zeros((10_000, 4, 4), np.uint8)
    images[947], images[1621] = 10, 20
    tables = [results({947: 9, 1621: first}).predictions for first in (6, 6, 8)]
    (axes,) = disputed.disputed_sheet(images, tables).axes
    captions = [text.get_text() for text in axes.texts]
    assert captions[:3] == [
        "947: label 0 (0 votes)\npredicted 9 by 3",
        "1621: label 0 (2 votes)\npredicted 6 by 2, 8 by 1",
        "1901: label 0 (2 votes)\npredicted 0 by 3",
    ]
    assert axes.get_title().endswith("the predictions of 3 models")
    assert {10, 20} < set(np.unique(axes.images[0].get_array().compressed()))
