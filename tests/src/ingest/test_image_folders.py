"""Folders of images become the four IDX files, or are refused and nothing is written."""

import os
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from src.common.errors import PipelineError
from src.ingest import catalog, idx
from src.ingest.catalog import DRAWINGS
from src.ingest.classes import read_properties
from src.ingest.files import copy_own
from src.ingest.image_folders import converted_images, find_images
from src.ingest.own_dataset import write_dataset
from src.pictures.convert import Conversion, convert
from tests.fixtures.image_folders import NAMES

PLAIN = Conversion(center_like_mnist=False, light_on_dark=False)
WRITTEN = {*catalog.NAMES, "labels.txt", "conversion.json"}


@pytest.fixture
def touch(tmp_path):
    """Make empty files in a folder, which are not read here; return the folder."""

    def make(*names):
        for name in names:
            (tmp_path / "pictures" / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / "pictures" / name).touch()
        return tmp_path / "pictures"

    return make


def listed(root):
    """The class of each image, whether it is a test image, and its path."""
    members = find_images(root)[0].itertuples(index=False)
    return [(name, is_test, os.path.relpath(path, root)) for name, is_test, path in members]


def test_each_folder_is_a_class(touch):
    root = touch("b/2.png", "b/1.png", "a/c/3.jpg", "a/4.gif", "a/notes.txt", "info.txt")
    expected = [("a", "a/4.gif"), ("a", "a/c/3.jpg"), ("b", "b/1.png"), ("b", "b/2.png")]
    assert listed(root) == [(name, None, path) for name, path in expected]
    assert find_images(root)[1] == [f"{root}/a/notes.txt", f"{root}/info.txt"]


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        (
            ["x10/1.png", "x9/1.png", "9/1.png", "01/1.png", "1/1.png", "b/1.png", "A/1.png"],
            ["01", "1", "9", "A", "b", "x9", "x10"],
        ),
        (["e\u0301/1.png", " b /1.png"], ["b", "\u00e9"]),
        (["archive/images/a/1.png", "archive/images/b/1.png", "archive/readme.txt"], ["a", "b"]),
        (["train/1.png", "bus/1.png"], ["bus", "train"]),
    ],
    ids=["natural order", "normalized", "a folder around them", "train is a class"],
)
def test_classes_have_the_names_of_their_folders(touch, files, expected):
    assert [*dict.fromkeys(find_images(touch(*files))[0]["class"])] == expected


@pytest.mark.parametrize(
    ("train", "validation", "test"),
    [
        ("train", "val", "test"),
        ("Training", "Validation", "TESTING"),
        ("training-images", "valid", "test-images"),
        ("seg_train/seg_train", "seg_val", "seg_test/seg_test"),
    ],
)
def test_folders_for_training_and_testing(touch, train, validation, test):
    parts = (train, validation, test)
    root = touch(*(f"{part}/{name}/1.png" for part in parts for name in "ba"))
    expected = [(name, part == test, f"{part}/{name}/1.png") for name in "ab" for part in parts]
    assert listed(root) == expected


def test_without_a_test_folder_the_validation_images_are_for_the_test(touch):
    root = touch("train/a/1.png", "train/b/1.png", "val/a/1.png", "val/b/1.png")
    assert [is_test for _, is_test, _ in listed(root)] == [False, True] * 2


def test_hidden_files_and_other_folders_are_ignored(touch):
    root = touch("train/a/1.png", "train/b/1.png", "test/a/1.png", "extra/a/1.png", "stray.png")
    touch(".DS_Store", "train/.git/1.png", "train/a/.1.png", "test/empty/notes.txt")
    assert [name for name, _, _ in listed(root)] == ["a", "a", "b"]
    ignored = ("extra/a/1.png", "stray.png", "test/empty/notes.txt")
    assert find_images(root)[1] == [f"{root}/{name}" for name in ignored]


def test_images_in_subfolders_have_the_order_of_their_paths(touch):
    names = ["b.png", "a/2.JPG", "a/10.jpeg", "a/c/1.TIF", "ä.webp", "Z.bmp", "x.tiff", "y.gif"]
    root = touch("other/1.png", *(f"x/{name}" for name in names))
    expected = ["Z.bmp", "a/10.jpeg", "a/2.JPG", "a/c/1.TIF", "b.png", "x.tiff", "y.gif", "ä.webp"]
    assert [path for _, _, path in listed(root)][1:] == [f"x/{name}" for name in expected]


@pytest.mark.parametrize(
    ("files", "message"),
    [
        (["test/a/1.png", "val/a/1.png"], "test and val are neither .*: name the splits train"),
        (["train/1.png", "test/1.png"], "test and train are neither classes"),
        (["train/a/1.png", "Test/1.png"], r"^Test has images, .*classes \(train\)"),
        (["my_large/a/1.png", "my_small/a/1.png"], "my_large and my_small are neither .*: name"),
        (["a/1.png", "b/x/1.png"], "b are neither classes, with images, nor splits"),
        (["a/1.png", "b/1.png", "c/1.DNG"], "c' has no images: .*1.DNG is a RAW photograph; exp"),
        (["a/1.png", "b\x1b[2J/1.png"], r"b\\x1b\[2J' cannot be the name of a class"),
        (["a/1.png", "b\u2028c/1.png"], "cannot be the name of a class"),
        (["a/1.png", "=1+A1/1.png"], "cannot be the name of a class"),
        (["a/1.png", "\u3000/1.png"], "the name of the class is missing"),
        (["a/1.png", os.fsdecode(b"\xff") + "/1.png"], "cannot be the name of a class"),
    ],
)
def test_other_folders_are_refused_with_one_sentence(touch, files, message):
    with pytest.raises(PipelineError, match=message) as refused:
        find_images(touch(*files))
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("mnist.pkl.gz", "is a pickle, which could run any code; get the dataset as"),
        ("digits.MAT", "is a MATLAB file; read it with scipy.io"),
        ("images.tar.gz", "is an archive; unpack it"),
        ("train-images-idx3-ubyte.gz", "read without an import; put .* into data/incoming"),
        ("file.png", "is missing or is not a folder"),
    ],
)
def test_other_files_are_named_as_what_they_are(tmp_path, name, message):
    (tmp_path / name).touch()
    with pytest.raises(PipelineError, match=f"{name} .*{message}"):
        find_images(tmp_path / name)
    with pytest.raises(PipelineError, match="missing or is not a folder"):
        find_images(tmp_path / "nowhere")


# The four files


def do(pictures, target, replace=False, shape=(9, 12), conversion=PLAIN):
    members, _ = find_images(pictures)
    read = partial(convert, shape=shape, conversion=conversion)
    images = converted_images(members.source, read)
    return write_dataset(target, members, images, shape, conversion, 0.2, replace)[1]


def read(folder):
    return [idx.read(folder / name) for name in catalog.NAMES]


def snapshot(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_the_pipeline_can_read_what_is_written(pictures, tmp_path, target):
    skipped = do(pictures, tmp_path / "own")
    assert snapshot(tmp_path / "own").keys() == WRITTEN
    assert copy_own([tmp_path / "own"], target) == tmp_path / "own"
    train, train_labels, test, test_labels = read(target)
    assert train.shape == (40, 9, 12) and test.shape == (10, 9, 12)
    assert np.bincount(train_labels).tolist() == [8] * 5
    assert np.bincount(test_labels).tolist() == [2] * 5
    assert skipped == []
    for images, labels in ((train, train_labels), (test, test_labels)):
        # Gray levels from 40 k to 40 k + 39; lossy formats change them a little.
        assert (abs(images.astype(int) - 40.0 * labels[:, None, None] - 19.5) < 22).all()
        assert (np.diff(labels.astype(int)) >= 0).all()


def test_class_names_and_the_conversion_are_stored_and_used(pictures, tmp_path):
    for path in pictures.rglob("*.*"):
        drawing = np.full((100, 100), 230, np.uint8)
        drawing[10:40, 60:70] = 20
        Image.fromarray(drawing).save(path)
    do(pictures, tmp_path / "own", shape=(28, 28), conversion=DRAWINGS)
    assert (tmp_path / "own/labels.txt").read_bytes() == "".join(f"{n}\n" for n in NAMES).encode()
    expected = {"class_names": list(NAMES), "conversion": DRAWINGS}
    assert read_properties(tmp_path / "own") == expected
    rows, columns = np.nonzero(read(tmp_path / "own")[0][0] > 128)
    assert np.ptp(rows) + 1 == 20 and np.ptp(columns) + 1 in (6, 7, 8)


def test_the_result_is_the_same_every_time(pictures, tmp_path):
    do(pictures, tmp_path / "one"), do(pictures, tmp_path / "same")
    assert snapshot(tmp_path / "one") == snapshot(tmp_path / "same")


def test_images_in_train_and_test_stay_there(tmp_path, save_images):
    for part, count in (("train", 3), ("val", 2), ("test", 1)):
        for name in "ab":
            save_images(tmp_path / "pictures" / part / name, count, {"a": 10, "b": 90}[name])
    do(tmp_path / "pictures", tmp_path / "own")
    train, train_labels, _, test_labels = read(tmp_path / "own")
    assert train_labels.tolist() == [0] * 5 + [1] * 5 and test_labels.tolist() == [0, 1]
    levels = train[:, 0, 0].tolist()
    assert levels == pytest.approx([10, 11, 12, 10, 11, 90, 91, 92, 90, 91], abs=2)


def test_files_that_are_no_images_are_skipped(tmp_path, pictures):
    (pictures / "9/0.png").write_bytes(b"")
    (pictures / "10/x.png").write_text("text")
    (pictures / "10/y.png").symlink_to("missing.png")
    Image.new("L", (50, 50), 255).save(pictures / "10/white.png")
    with (pictures / "10/z.png").open("wb") as file:
        file.truncate(1 << 33)  # takes no space on the disk, and must not be read
    skipped = do(pictures, tmp_path / "own")
    assert {each.removeprefix(f"{pictures}/") for each in skipped} == {
        "9/0.png is an empty file",
        "10/x.png cannot be read as an image",
        "10/y.png cannot be read: No such file or directory",
        "10/z.png is larger than 20 MB; use a smaller image",
        "10/white.png is empty: all its pixels are equal",
    }
    labels = read(tmp_path / "own")[1]
    assert np.bincount(labels).tolist() == [7, 8, 8, 8, 8]


@pytest.mark.parametrize("count", [0, 1, 257])
def test_the_number_of_classes_must_be_possible(touch, tmp_path, count):
    root = touch("info.txt", *(f"{i}/1.png" for i in range(count)))
    with pytest.raises(PipelineError, match=f"there are {count} classes, but 2 to 256 are needed"):
        do(root, tmp_path / "own")


@pytest.mark.parametrize("counts", [{"train/a": 9, "train/b": 1, "test/a": 1}, {"a": 9, "b": 1}])
def test_too_few_images_are_refused(tmp_path, save_images, counts):
    for name, count in counts.items():
        save_images(tmp_path / "pictures" / name, count)
    for path in (tmp_path / "pictures").rglob("b/*"):
        path.with_name("damaged.png").write_text("x")
    with pytest.raises(PipelineError, match="class 'b', 1 of the training images can be used"):
        do(tmp_path / "pictures", tmp_path / "own")
    assert list((tmp_path / "own").iterdir()) == []


@pytest.mark.parametrize(
    "name", ["TRAIN-images.idx3-ubyte.gz", "test-labels-idx1-ubyte", "own.npz", "labels.txt"]
)
def test_a_dataset_is_replaced_only_on_demand(tmp_path, pictures, name):
    own = tmp_path / "own"
    own.mkdir()
    (own / "README.md").write_text("kept")
    (own / name).write_text("old")
    before = snapshot(own)
    with pytest.raises(PipelineError, match=f"already has {name}; add --replace"):
        do(pictures, own)
    assert snapshot(own) == before
    do(pictures, own, replace=True)
    assert snapshot(own).keys() == {*WRITTEN, "README.md"}
    assert (own / "README.md").read_text() == "kept"
