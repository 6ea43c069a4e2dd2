"""The errors on corrupted images, and their figures."""

import numpy as np
import pytest

from benchmarks import corruptions, robustness
from benchmarks.corruptions import CORRUPTIONS
from benchmarks.robustness import UNCHANGED, by_test_set, corruptions_figure, measure_errors


class DarkOrLight:
    """A classifier: class 1 if the mean of an image is at least 100."""

    def logits(self, images):
        return np.eye(2, dtype=np.float32)[(images.mean((1, 2)) >= 100).astype(int)]


def test_the_errors_are_counted_over_all_parts_and_drawn(monkeypatch):
    monkeypatch.setattr(corruptions, "CHUNK_PIXELS", 3 * 64)
    images = np.zeros((10, 8, 8), np.uint8)
    images[4:] = 255
    labels = np.array([0, 0, 0, 1, 1, 1, 1, 1, 1, 1], np.uint8)
    wide = by_test_set(measure_errors({"a": DarkOrLight(), "b": DarkOrLight()}, images, labels))
    assert wide.loc["a", [UNCHANGED]].item() == 0.1
    assert wide.loc["a", [("contrast", 3)]].item() == 0.1, "a uniform image has no contrast to lose"
    assert wide.loc["a", [("inversion", 3)]].item() == 0.9
    axes = robustness.robustness_figure(wide).axes[0]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["a", "b"]
    assert axes.texts[0].get_text() == "10"


@pytest.mark.parametrize("shape", [(28, 28), (3, 40)])
def test_the_sheet_has_a_row_for_each_corruption_of_any_image(shape):
    images = np.random.default_rng(0).integers(0, 256, (2, *shape), np.uint8)
    (axes,) = corruptions_figure(images).axes
    names = [label.get_text().partition(" (")[0] for label in axes.get_yticklabels()]
    assert names == list(CORRUPTIONS)
    assert len({text.get_position()[1] for text in axes.texts}) == len(CORRUPTIONS)
