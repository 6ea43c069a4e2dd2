"""Folders become classes and splits, or are refused with a sentence that shows the layout."""

import os

import pytest
from src.pictures.image_folders import find_images

from src.common.errors import PipelineError
from tests.fixtures.image_folders import NAMES


@pytest.fixture
def touch(tmp_path):
    """Make empty files in a folder, which are not read here; return the folder."""

    def make(*names):
        for name in names:
            (tmp_path / "pictures" / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / "pictures" / name).touch()
        return tmp_path / "pictures"

    return make


def listed(found, root):
    return [
        (number, is_test, path.relative_to(root).as_posix())
        for number, is_test, path in found.images()
    ]


def test_each_folder_is_a_class(touch):
    root = touch("b/2.png", "b/1.png", "a/c/3.jpg", "a/notes.txt", "info.txt")
    found = find_images(root)
    assert found.names == ["a", "b"] and not found.is_divided
    expected = [(0, False, "a/c/3.jpg"), (1, False, "b/1.png"), (1, False, "b/2.png")]
    assert listed(found, root) == expected
    assert found.counts().tolist() == [[1, 2], [0, 0]]
    assert found.ignored == 1 and found.warnings == []


def test_classes_are_in_natural_order(touch):
    names = ["x10", "x9", "10", "9", "01", "1", "b", "A", "x9b2", "x9b10"]
    found = find_images(touch(*(f"{name}/1.png" for name in names)))
    assert found.names == ["01", "1", "9", "10", "A", "b", "x9", "x9b2", "x9b10", "x10"]


def test_names_can_have_any_visible_characters(pictures):
    assert find_images(pictures).names == list(NAMES)


def test_names_are_normalized(touch):
    found = find_images(touch("e\u0301/1.png", " b /1.png"))
    assert found.names == ["b", "\u00e9"]


@pytest.mark.parametrize(("train", "test"), [("train", "test"), ("Train", "TEST")])
def test_folders_for_training_and_testing(touch, train, test):
    root = touch(*(f"{part}/{name}/1.png" for part in (test, train) for name in "ba"))
    found = find_images(root)
    assert found.names == ["a", "b"] and found.is_divided and found.warnings == []
    expected = [(0, False, f"{train}/a/1.png"), (0, True, f"{test}/a/1.png"),
                (1, False, f"{train}/b/1.png"), (1, True, f"{test}/b/1.png")]  # fmt: skip
    assert listed(found, root) == expected


@pytest.mark.parametrize("name", ["val", "valid", "Validation"])
def test_validation_images_are_training_images(touch, name):
    files = [f"{part}/{label}/1.png" for part in ("test", name, "train") for label in "ab"]
    found = find_images(touch(*files))
    assert listed(found, touch())[:3] == [
        (0, False, "train/a/1.png"),
        (0, False, f"{name}/a/1.png"),
        (0, True, "test/a/1.png"),
    ]
    (warning,) = found.warnings
    assert f"the images in {touch() / name} are training images" in warning


def test_train_can_be_the_name_of_a_class(touch):
    found = find_images(touch("train/1.png", "bus/1.png"))
    assert found.names == ["bus", "train"] and not found.is_divided


def test_what_is_ignored_is_said(touch):
    root = touch("a/1.png", "b/1.png", "stray.png")
    (root / "empty").mkdir()
    assert find_images(root).warnings == [
        f"images directly in {root} are ignored: they are in no class folder",
        f"{root / 'empty'} has no images",
    ]


def test_a_folder_next_to_train_and_test_is_ignored(touch):
    root = touch("train/a/1.png", "train/b/1.png", "test/a/1.png", "extra/a/1.png")
    assert find_images(root).names == ["a", "b"]
    (warning,) = find_images(root).warnings
    assert warning == f"images in {root / 'extra'} are ignored: it is next to train and test"


@pytest.mark.parametrize(
    ("files", "message"),
    [
        (["1.png"], "has images, but no class folders; give .*<class>"),
        (["info.txt"], "has no class folders; give .*<class>"),
        (["a/1.txt", "b/1.svg"], "have no images; put PNG, JPEG"),
        (["a/1.png"], "1 class folder with images, but 2 to 256 are needed"),
        ([f"{i}/1.png" for i in range(257)], "257 class folders with images, but 2 to 256"),
        (["train/a/1.png", "val/a/1.png"], "has train and val but no folder test; add it"),
        (["test/a/1.png"], "has test but no folder train; add it"),
        (["train/a/1.png", "train/b/1.png", "test/1.png"], "test has images, but no class fol"),
        (
            ["train/a/1.png", "train/b/1.png", "test/a/1.png", "test/c/1.png"],
            "the class 'c' has test images but no training images",
        ),
        (["a/1.png", "e\u0301/1.png", "\u00e9/1.png"], "have the same class name 'é'"),
        (["a/1.png", "b/1.png", "b /1.png"], "have the same class name 'b'"),
        (["a/1.png", "b\n/1.png"], r"b\\n' cannot be the name of a class"),
        (["a/1.png", "b\x1b[2J/1.png"], r"b\\x1b\[2J' cannot be the name of a class"),
        (["a/1.png", "b\u2028c/1.png"], "cannot be the name of a class"),
        (["a/1.png", "\u3000/1.png"], "cannot be the name of a class"),
        (["a/1.png", os.fsdecode(b"\xff") + "/1.png"], "cannot be the name of a class"),
    ],
)
def test_other_folders_are_refused_with_one_sentence(touch, files, message):
    with pytest.raises(PipelineError, match=message) as refused:
        find_images(touch(*files))
    assert "\n" not in str(refused.value)


def test_a_link_to_a_folder_that_contains_it_is_refused(touch):
    root = touch("a/1.png", "b/1.png")
    (root / "c").symlink_to("..")
    with pytest.raises(PipelineError, match="c is a link to a folder that contains it"):
        find_images(root)


def test_a_missing_folder_is_refused_with_the_layout(tmp_path):
    (tmp_path / "file.png").touch()
    for name in ("missing", "file.png"):
        with pytest.raises(PipelineError, match=f"{name} is missing or is not .*<class>"):
            find_images(tmp_path / name)
