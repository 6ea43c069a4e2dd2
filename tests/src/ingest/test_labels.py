import numpy as np
import pytest

from src.common.errors import PipelineError
from src.ingest.labels import MAX_LABELS, check_labels


def seen(**labels: list[int]) -> dict[str, np.ndarray]:
    """Return the counts of the labels that each split contains."""
    return {split: np.bincount(each, minlength=MAX_LABELS) for split, each in labels.items()}


def test_the_number_of_classes_is_one_more_than_the_highest_label(capsys):
    assert check_labels(seen(train=[0, 1, 2], validation=[0, 1, 2], test=[0, 1, 2])) == 3
    assert capsys.readouterr() == ("", "")


def test_unused_and_missing_labels_are_warnings(capsys):
    assert check_labels(seen(train=[1, 3], validation=[1, 3], test=[1])) == 4
    assert capsys.readouterr().err.splitlines() == [
        "warning: no image has label 0, 2, but there are 4 classes, 0 to 3",
        "warning: test has no image with label 3; other splits have",
    ]


def test_many_missing_labels_are_counted(capsys):
    check_labels(seen(train=[*range(30)], validation=[*range(30)], test=[0]))
    assert "label 1, 2, 3, 4, 5, 6, 7, 8, 9, 10 and 19 more" in capsys.readouterr().err


def test_one_class_is_an_error():
    with pytest.raises(PipelineError, match="all labels are 4, but 2 to 256 classes are needed"):
        check_labels(seen(train=[4], validation=[4], test=[4]))
