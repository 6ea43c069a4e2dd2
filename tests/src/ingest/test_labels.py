import numpy as np
import pytest
from src.ingest.labels import (
    check_labels,
    check_training_labels,
    missing_labels,
    training_warnings,
)

from src.common.errors import PipelineError
from src.ingest.division import MAX_LABELS


def count(labels: list[int]) -> np.ndarray:
    return np.bincount(labels, minlength=MAX_LABELS)


def counts(**labels: list[int]) -> dict[str, np.ndarray]:
    """Return how many images of each split have each label."""
    return {split: count(own) for split, own in labels.items()}


def test_the_number_of_classes_is_one_more_than_the_highest_label():
    all_labels = counts(train=[0, 1, 2], validation=[0, 1, 2], test=[0, 1, 2])
    assert check_labels(all_labels) == 3
    assert check_labels(all_labels, named=5) == 5
    assert training_warnings(all_labels, 3) == missing_labels(all_labels, "test") == []


def test_unused_and_missing_labels_are_warnings():
    few = counts(train=[1, 3], validation=[1], test=[1])
    assert check_labels(few) == 4
    assert training_warnings(few, 4) == [
        "no image has label 0, 2, but there are 4 classes, 0 to 3",
        "validation has no image with label 3; the training split has",
    ]
    assert missing_labels(few, "test") == ["test has no image with label 3; the training split has"]


def test_many_labels_are_shortened():
    everything = [*range(30)]
    (warning,) = missing_labels(counts(train=everything, test=[0]), "test")
    assert "label 1, 2, 3, 4, 5, 6, 7, 8, 9, 10 and 19 more; the training split has" in warning


def test_very_unequal_classes_are_a_warning():
    (warning,) = training_warnings(counts(train=[0] * 51 + [1] * 5, validation=[0, 1]), 2)
    assert "the largest class has 51 training images, the smallest 5; look at the bal" in warning


@pytest.mark.parametrize(
    ("split", "remedy"),
    [("test", "correct the test files"), ("validation", "set data.split to stratified")],
)
def test_a_class_without_training_images_is_an_error(split, remedy):
    labels = {"train": [0, 1], "validation": [0, 1], "test": [0, 1]}
    labels[split] = [0, 1, 2, 2, 4]
    message = (
        f"^3 {split} images have label 2, 4, which no image of the training split has; {remedy}"
    )
    with pytest.raises(PipelineError, match=message):
        check_labels(counts(**labels))


def test_a_single_class_is_an_error():
    with pytest.raises(PipelineError, match="all training images have the label 4, but 2 to 256"):
        check_training_labels(count([4, 4]), stratified=False)


def test_a_stratified_class_needs_two_images():
    labels = count([0, 0, 1, 1, 7])
    check_training_labels(labels, stratified=False)
    with pytest.raises(PipelineError, match="only one training image has label 7, but each class"):
        check_training_labels(labels, stratified=True)
