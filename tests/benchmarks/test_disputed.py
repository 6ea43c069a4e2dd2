"""The errors on the disputed labels of MNIST, and the picture of these images."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from benchmarks import disputed
from src.common.errors import PipelineError


def results(wrong, name="mnist"):
    """Results for 10,000 images with the label 0; ``wrong`` are those that are not predicted 0."""
    table = pd.DataFrame({"actual": [0] * 10_000, "predicted": [0] * 10_000})
    table.loc[list(wrong), "predicted"] = list(wrong.values())
    return SimpleNamespace(predictions=table, record={"dataset": {"name": name}})


@pytest.mark.parametrize("of_results", ["mnist", "local"])
@pytest.mark.parametrize("of_images", ["mnist", "fashion-mnist"])
@pytest.mark.parametrize("count", [10_000, 9_999])
def test_errors_are_counted_only_for_mnist(monkeypatch, tmp_path, of_results, of_images, count):
    found = {"a": results({947: 9, 1621: 6, 1: 1}, of_results), "b": results({947: 8, 2: 3})}
    split = np.zeros((count, 4, 4), np.uint8), None
    monkeypatch.setattr(disputed, "PICTURE", tmp_path / "disputed.png")
    monkeypatch.setattr(disputed, "read_evaluations", lambda folder: found)
    monkeypatch.setattr(disputed, "load_split", lambda folder, name: split)
    monkeypatch.setattr(disputed, "load_dataset_info", lambda folder: {"name": of_images})
    if (of_results, of_images, count) == ("mnist", "mnist", 10_000):
        assert list(disputed.measure(1))[1:] == ["| b | 2 | 1 |", "| a | 3 | 2 |"]
        assert disputed.PICTURE.read_bytes()[:4] == b"\x89PNG"
    else:
        with pytest.raises(PipelineError, match="only MNIST's 10,000 test images"):
            next(disputed.measure(1))


def test_a_caption_has_the_two_most_frequent_predictions():
    images = np.zeros((10_000, 4, 4), np.uint8)
    images[947], images[1621] = 10, 20
    tables = [results({947: 9, 1621: first}).predictions for first in (6, 6, 8)]
    (axes,) = disputed.disputed_sheet(images, tables).axes
    captions = [text.get_text() for text in axes.texts]
    assert captions[0] == "947: label 0 (0 votes)\npredicted 9 by 3"
    assert captions[1] == "1621: label 0 (2 votes)\npredicted 6 by 2, 8 by 1"
    assert axes.get_title().endswith("the predictions of 3 models")
    assert {10, 20} < set(np.unique(axes.images[0].get_array().compressed()))
