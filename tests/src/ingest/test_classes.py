"""Class names and conversion of a dataset, and checks of its labels."""

import numpy as np
import pytest

from src.common.errors import PipelineError
from src.ingest.classes import (
    check_classes,
    missing_labels,
    read_properties,
    training_warnings,
)
from src.ingest.division import MAX_LABELS


def counts(**labels: list[int]) -> dict[str, np.ndarray]:
    """Return how many images of each split have each label."""
    return {split: np.bincount(each, minlength=MAX_LABELS) for split, each in labels.items()}


def test_the_properties_of_a_user_are_read(tmp_path):
    conversion = {"center_like_mnist": False, "light_on_dark": True}
    assert read_properties(tmp_path) == {"class_names": [], "conversion": conversion}
    names = "\ufeffTür & Tor\r\n猫 neko\r\n[red] $x$\r\n\r\n"
    (tmp_path / "labels.txt").write_bytes(names.encode())
    (tmp_path / "conversion.json").write_text('{"center_like_mnist": true, "light_on_dark": true}')
    assert read_properties(tmp_path) == {
        "class_names": ["Tür & Tor", "猫 neko", "[red] $x$"],
        "conversion": {"center_like_mnist": True, "light_on_dark": True},
    }


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("labels.txt", b"", "has 1 lines; write one name per line"),
        ("labels.txt", b"a\nb\x1b[2J\n", "has the unusable name"),
        ("labels.txt", b"a\n\nb", "has the unusable name ''"),
        ("labels.txt", b"a\nb\na\n", "has the name 'a' more than once"),
        ("labels.txt", b"\xff\xfe", "cannot be read .*; save it as UTF-8 text"),
        ("labels.txt", "\n".join(map(str, range(257))).encode(), "has 257 lines"),
        ("conversion.json", b"{", "cannot be read .*; remove it"),
        ("conversion.json", b'{"framed": true}', "must have center_like_mnist and light"),
    ],
)
def test_a_damaged_file_is_refused(tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(PipelineError, match=f"{name} {message}"):
        read_properties(tmp_path)


def test_each_class_has_a_name():
    labels = counts(train=[0, 1, 2], validation=[0], test=[0])
    assert check_classes(labels, []) == ["0", "1", "2"]
    assert check_classes(labels, [*"abcd"]) == [*"abcd"]
    with pytest.raises(PipelineError, match="has 2 names, but the labels are 0 to 2"):
        check_classes(labels, ["a", "b"])


def test_unused_missing_and_unequal_labels_are_warnings():
    same = counts(train=[0, 1, 2], validation=[0, 1, 2], test=[0, 1, 2])
    assert training_warnings(same, 3) == missing_labels(same, "test") == []
    few = counts(train=[1] * 51 + [3] * 5, validation=[1], test=[1])
    assert training_warnings(few, 4) == [
        "no image has label 0, 2, but there are 4 classes, 0 to 3",
        "validation has no image with label 3; the training split has",
        "the largest class has 51 training images, the smallest 5; look at the balanced accuracy, "
        "the mean over the classes",
    ]
    assert missing_labels(few, "test") == ["test has no image with label 3; the training split has"]
    (warning,) = missing_labels(counts(train=[*range(30)], test=[0]), "test")
    assert "label 1, 2, 3, 4, 5, 6, 7, 8, 9, 10 and 19 more; the training split has" in warning


@pytest.mark.parametrize(
    ("split", "remedy"),
    [("test", "correct the test files"), ("validation", "set data.split to stratified")],
)
def test_a_class_without_training_images_is_an_error(split, remedy):
    labels = {"train": [0, 1], "validation": [0, 1], "test": [0, 1]} | {split: [0, 1, 2, 2, 4]}
    message = f"^3 {split} images have label 2, 4, which no image of the training split has; "
    with pytest.raises(PipelineError, match=message + remedy):
        check_classes(counts(**labels), [])


def test_a_single_class_is_an_error():
    with pytest.raises(PipelineError, match="all training images have the label 4, but 2 to 256"):
        check_classes(counts(train=[4, 4], validation=[4], test=[4]), [])
