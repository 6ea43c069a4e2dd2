"""Class names and conversion of a dataset, checks of its labels, and samples of all classes."""

import numpy as np
import pytest

from src.common.errors import PipelineError
from src.ingest.classes import (
    MAX_LABELS,
    check_classes,
    missing_labels,
    random_test_images,
    read_properties,
    validation_images,
)


def counts(**labels: list[int]) -> dict[str, np.ndarray]:
    """Return how many images of each split have each label."""
    return {split: np.bincount(each, minlength=MAX_LABELS) for split, each in labels.items()}


def test_the_properties_of_a_user_are_read(tmp_path):
    conversion = {"center_like_mnist": False, "light_on_dark": True}
    assert read_properties(tmp_path) == {"class_names": [], "conversion": conversion}
    names = "\ufeffTür & Tor\r\n猫 neko\r\n[red] $x$\r\n=\r\n-1.5\r\n\r\n"
    (tmp_path / "labels.txt").write_bytes(names.encode())
    (tmp_path / "conversion.json").write_text('{"center_like_mnist": true, "light_on_dark": true}')
    assert read_properties(tmp_path) == {
        "class_names": ["Tür & Tor", "猫 neko", "[red] $x$", "=", "-1.5"],
        "conversion": {"center_like_mnist": True, "light_on_dark": True},
    }


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("labels.txt", b"", ", line 1: the name of the class is missing"),
        ("labels.txt", b"a", " has 1 lines, .*; write one name per line"),
        ("labels.txt", b"a\nb\x1b[2J\n", ", line 2: .* cannot be the name"),
        ("labels.txt", b"a\n\nb", ", line 2: the name of the class is missing"),
        ("labels.txt", b'a\n=HYPERLINK("http://x")\n', ", line 2: '=HYP.* formula"),
        ("labels.txt", b"a\n-2+3+cmd|' /C calc'!A0\n", ", line 2: .* cannot be the name"),
        ("labels.txt", b"a\nb\na\n", " has 3 lines, 2 of them different"),
        ("labels.txt", b"\xff\xfe", " cannot be read .*; save it as UTF-8 text"),
        ("labels.txt", "\n".join(map(str, range(257))).encode(), " has 257 lines"),
        ("conversion.json", b"{", " must be JSON .*; correct it or remove it"),
        ("conversion.json", b'{"framed": true}', " must be JSON with center_like_mnist and light"),
    ],
)
def test_a_damaged_file_is_refused(tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(PipelineError, match=f"{name}{message}"):
        read_properties(tmp_path)


def test_each_class_has_a_name():
    labels = counts(train=[0, 1, 2], validation=[0], test=[0])
    assert check_classes(labels, []) == ["0", "1", "2"]
    assert check_classes(labels, [*"abcd"]) == [*"abcd"]
    with pytest.raises(PipelineError, match="has 2 names, but the labels are 0 to 2"):
        check_classes(labels, ["a", "b"])


def test_missing_labels_are_a_warning():
    assert missing_labels(counts(train=[0, 1], test=[0, 1]), "test") == []
    (warning,) = missing_labels(counts(train=[1, 3], validation=[1]), "validation")
    assert warning == "validation has no image with label 3; the training split has"
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


# Samples


def test_the_first_images_are_at_most_a_fifth():
    labels = np.zeros(50, np.uint8)
    assert np.flatnonzero(validation_images(labels, 8, "first", 1)).tolist() == [*range(8)]
    assert validation_images(labels, 5000, "first", 1).sum() == 10


@pytest.mark.parametrize("order", ["sorted", "random"])
@pytest.mark.parametrize(
    ("sizes", "count", "expected"),
    [
        ([60, 30, 10], 10, [6, 3, 1]),
        ([996, 2, 2], 100, [99, 1, 1]),  # at least one of each class
        ([2, 2, 2, 2], 1, [1, 1, 1, 1]),  # more than a fifth: one to train, one to validate
        ([50, 0, 50], 20, [10, 0, 10]),
        ([7, 7, 7], 4, [2, 1, 1]),  # the largest remainders, the first class first
        ([60, 1], 6, [6, 0]),  # a single image is for training
    ],
)
def test_a_stratified_sample_is_proportional(sizes, count, expected, order):
    labels = np.repeat(np.arange(len(sizes)), sizes).astype(np.uint8)
    if order == "random":
        np.random.default_rng(5).shuffle(labels)
    chosen = validation_images(labels, count, "stratified", 1)
    assert np.bincount(labels[chosen], minlength=len(sizes)).tolist() == expected


@pytest.mark.parametrize(
    ("sizes", "fraction", "expected"),
    [
        ([100, 50, 10], 0.2, [20, 10, 2]),
        ([3, 4, 0, 100, 2, 1], 0.01, [1, 1, 0, 1, 0, 0]),  # at least one, if two are left
        ([3, 4, 100], 0.99, [1, 2, 98]),  # two are left: one to train, one to validate
    ],
)
def test_test_images_are_a_part_of_each_class(sizes, fraction, expected):
    labels = np.repeat(np.arange(len(sizes)), sizes).astype(np.uint8)
    np.random.default_rng(5).shuffle(labels)
    chosen = random_test_images(labels, fraction, 1)
    assert np.bincount(labels[chosen], minlength=len(sizes)).tolist() == expected


@pytest.mark.parametrize(
    "sample",
    [
        lambda labels, seed: validation_images(labels, 100, "stratified", seed),
        lambda labels, seed: random_test_images(labels, 0.1, seed),
    ],
)
def test_a_sample_depends_on_the_seed(sample):
    labels = np.repeat([0, 1], 500).astype(np.uint8)
    one, same, other = (sample(labels, seed) for seed in (1, 1, 2))
    assert (one == same).all() and (one != other).any()
