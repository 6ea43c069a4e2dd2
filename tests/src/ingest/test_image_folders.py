"""Folders become classes and splits, or are refused with a sentence that shows the layout."""

import os

import pytest

from src.common.errors import PipelineError
from src.ingest.image_folders import find_images


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
        (number, is_test, os.path.relpath(path, root)) for number, is_test, path in found.images
    ]


def test_each_folder_is_a_class(touch):
    root = touch("b/2.png", "b/1.png", "a/c/3.jpg", "a/notes.txt", "info.txt")
    found = find_images(root)
    assert found.names == ["a", "b"] and not found.is_divided
    expected = [(0, False, "a/c/3.jpg"), (1, False, "b/1.png"), (1, False, "b/2.png")]
    assert listed(found, root) == expected
    assert found.ignored == 2 and found.warnings == []


def test_classes_are_in_natural_order(touch):
    names = ["x10", "x9", "10", "9", "01", "1", "b", "A", "x9b2", "x9b10"]
    found = find_images(touch(*(f"{name}/1.png" for name in names)))
    assert found.names == ["01", "1", "9", "10", "A", "b", "x9", "x9b2", "x9b10", "x10"]


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


@pytest.mark.parametrize("name", ["val", "Validation"])
def test_validation_images_are_training_images(touch, name):
    root = touch(*(f"{part}/{label}/1.png" for part in ("test", name, "train") for label in "ab"))
    images = [path for label, _, path in listed(find_images(root), root) if label == 0]
    assert images == ["train/a/1.png", f"{name}/a/1.png", "test/a/1.png"]


def test_train_can_be_the_name_of_a_class(touch):
    found = find_images(touch("train/1.png", "bus/1.png"))
    assert found.names == ["bus", "train"] and not found.is_divided


def test_what_is_ignored_is_counted(touch):
    root = touch("train/a/1.png", "train/b/1.png", "test/a/1.png", "extra/a/1.png", "stray.png")
    for name in (".DS_Store", "train/.git/1.png", "train/a/.1.png", "test/empty/notes.txt"):
        touch(name)
    found = find_images(root)
    assert found.names == ["a", "b"] and found.ignored == 3
    assert found.warnings == [f"{root / 'test/empty'} has no images"]


def test_images_in_subfolders_have_the_order_of_their_paths(touch):
    names = ["b.png", "a/2.JPG", "a/10.jpeg", "a/c/1.TIF", "ä.webp", "Z.bmp", "x.tiff", "y.gif"]
    root = touch("other/1.png", *(f"x/{name}" for name in names))
    expected = ["Z.bmp", "a/10.jpeg", "a/2.JPG", "a/c/1.TIF", "b.png", "x.tiff", "y.gif", "ä.webp"]
    assert [path for _, _, path in listed(find_images(root), root / "x")][1:] == expected


def test_the_spelling_of_accents_in_the_file_system_does_not_matter(touch):
    root = touch(*(f"{k}/{name}.png" for k in "xy" for name in ("e\u0301", "f", "\u00e9", "z")))
    paths = [path for label, _, path in listed(find_images(root), root / "x") if label == 0]
    assert paths == ["f.png", "z.png", "e\u0301.png", "\u00e9.png"]


@pytest.mark.parametrize(
    ("files", "message"),
    [
        (["info.txt"], "has no class folders; give .*<class>"),
        (["a/1.txt", "b/1.svg"], "has 0 class folders with PNG, JPEG"),
        (["a/1.png"], "1 class folders with PNG.* but 2 to 256 are needed"),
        ([f"{i}/1.png" for i in range(257)], "257 class folders with .* but 2 to 256"),
        (["train/a/1.png", "val/a/1.png"], "has train and val but no folder test; add it"),
        (["test/a/1.png"], "has test but no folder train; add it"),
        (["train/a/1.png", "train/b/1.png", "test/1.png"], "test has no class folders"),
        (
            ["train/a/1.png", "train/b/1.png", "test/a/1.png", "test/c/1.png"],
            "the class 'c' has test images but no training images",
        ),
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


def test_a_missing_folder_is_refused_with_the_layout(tmp_path):
    (tmp_path / "file.png").touch()
    for name in ("missing", "file.png"):
        with pytest.raises(PipelineError, match=f"{name} is missing or is not .*<class>"):
            find_images(tmp_path / name)
