"""The disputed images are those of MNIST only, and their sheet says what the models predict."""

import numpy as np
import pandas as pd
import pytest

from src.evaluation.disputed import VOTES, disputed_errors, disputed_rows, disputed_sheet

MNIST = {"name": "mnist"}


def predictions(wrong: dict[int, int], count: int = 10_000) -> pd.DataFrame:
    """Predictions of images with the label 0; ``wrong`` are those that are not 0."""
    table = pd.DataFrame({"actual": np.zeros(count, np.uint8), "predicted": np.zeros(count, int)})
    table.loc[list(wrong), "predicted"] = list(wrong.values())
    return table


def test_fewer_than_three_of_five_people_chose_a_label():
    assert len(VOTES) == 15
    assert all(0 <= votes < 3 for votes in VOTES.values())


def test_only_errors_on_disputed_images_count():
    assert disputed_errors(MNIST, predictions({947: 9, 948: 9, 9729: 6})) == {"disputed_errors": 2}
    assert disputed_errors(MNIST, predictions({})) == {"disputed_errors": 0}


@pytest.mark.parametrize(("name", "count"), [("fashion-mnist", 10_000), ("mnist", 9_999)])
def test_other_images_have_no_list(name, count):
    table = predictions({947: 9}, count)
    assert disputed_errors({"name": name}, table) == {}
    rows = disputed_rows({"name": name}, table)
    figure = disputed_sheet(np.zeros((count, 4, 4), np.uint8), [rows])
    assert "Only the test images of MNIST" in figure.get_suptitle()


def test_a_caption_has_the_two_most_frequent_predictions():
    images = np.zeros((10_000, 4, 4), np.uint8)
    images[947], images[1621] = 10, 20
    tables = [predictions({947: 9, 1621: first}) for first in (6, 6, 8)]
    figure = disputed_sheet(images, [disputed_rows(MNIST, each) for each in tables])
    (axes,) = figure.axes
    captions = [text.get_text() for text in axes.texts]
    assert captions[:3] == [
        "947: label 0 (0 votes)\npredicted 9 by 3",
        "1621: label 0 (2 votes)\npredicted 6 by 2, 8 by 1",
        "1901: label 0 (2 votes)\npredicted 0 by 3",
    ]
    assert axes.get_title().endswith("the predictions of 3 models")
    assert {10, 20} < set(np.unique(axes.images[0].get_array().compressed()))
