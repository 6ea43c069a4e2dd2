"""Folders of images become the four IDX files, or nothing is written."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from rich.console import Console

from src.common.errors import PipelineError
from src.ingest import catalog, idx, image_import
from src.ingest.classes import read_properties
from src.ingest.catalog import DRAWINGS, Conversion
from src.ingest.files import copy_own
from src.ingest.image_folders import find_images
from src.ingest.image_import import Options, import_images
from tests.fixtures.image_folders import NAMES

PLAIN = Conversion(center_like_mnist=False, light_on_dark=False)
WRITTEN = {*catalog.NAMES, "labels.txt", "conversion.json"}


def do(pictures, target, replace=False, shape=(9, 12), conversion=PLAIN, fraction=0.2, seed=1):
    options = Options(shape, conversion, fraction, seed)
    return import_images(find_images(pictures), target, options, replace, Console(quiet=True))


def read(folder):
    return [idx.read(folder / name) for name in catalog.NAMES]


def snapshot(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_the_pipeline_can_read_what_is_written(pictures, tmp_path):
    target = tmp_path / "raw"
    target.mkdir()
    done = do(pictures, tmp_path / "own")
    assert snapshot(tmp_path / "own").keys() == WRITTEN
    assert copy_own([tmp_path / "own"], target) == tmp_path / "own"
    train, train_labels, test, test_labels = read(target)
    assert train.shape == (40, 9, 12) and test.shape == (10, 9, 12)
    assert np.bincount(train_labels).tolist() == [8] * 5 == done.train.tolist()
    assert np.bincount(test_labels).tolist() == [2] * 5 == done.test.tolist()
    assert done.skipped == []
    for images, labels in ((train, train_labels), (test, test_labels)):
        # Gray levels from 40 k to 40 k + 9; lossy formats change them a little.
        assert (abs(images.astype(int) - 40.0 * labels[:, None, None] - 4.5) < 7).all()
        assert (np.diff(labels.astype(int)) >= 0).all()


def test_class_names_and_the_conversion_are_stored(pictures, tmp_path):
    conversion = Conversion(center_like_mnist=False, light_on_dark=True)
    do(pictures, tmp_path / "own", conversion=conversion)
    assert (tmp_path / "own/labels.txt").read_bytes() == "".join(f"{n}\n" for n in NAMES).encode()
    expected = {"class_names": list(NAMES), "conversion": conversion}
    assert read_properties(tmp_path / "own") == expected


def test_the_result_is_the_same_every_time_and_the_seed_matters(pictures, tmp_path):
    for name, seed in (("one", 1), ("same", 1), ("other", 2)):
        do(pictures, tmp_path / name, seed=seed)
    one, same, other = (snapshot(tmp_path / name) for name in ("one", "same", "other"))
    assert one == same
    assert one[catalog.TEST_IMAGES] != other[catalog.TEST_IMAGES]


def test_images_in_train_and_test_stay_there(tmp_path, save_images):
    for part, count in (("train", 3), ("val", 2), ("test", 1)):
        for name in "ab":
            save_images(tmp_path / "pictures" / part / name, count, {"a": 10, "b": 90}[name])
    done = do(tmp_path / "pictures", tmp_path / "own")
    assert done.train.tolist() == [5, 5] and done.test.tolist() == [1, 1]
    levels = read(tmp_path / "own")[0][:, 0, 0].tolist()
    assert levels == pytest.approx([10, 11, 12, 10, 11, 90, 91, 92, 90, 91], abs=2)


def test_images_are_centered_like_mnist(tmp_path, pictures):
    for path in pictures.rglob("*.*"):
        drawing = np.full((100, 100), 230, np.uint8)
        drawing[10:40, 60:70] = 20
        Image.fromarray(drawing).save(path)
    do(pictures, tmp_path / "own", shape=(28, 28), conversion=DRAWINGS)
    images = read(tmp_path / "own")[0]
    rows, columns = np.nonzero(images[0] > 128)
    assert np.ptp(rows) + 1 == 20 and np.ptp(columns) + 1 in (6, 7, 8)
    assert not images[:, 0].any() and images.max() == 255


def test_files_that_are_no_images_are_skipped(tmp_path, pictures):
    (pictures / "9/0.png").write_bytes(b"")
    (pictures / "10/x.png").write_text("text")
    (pictures / "10/y.png").symlink_to("missing.png")
    with (pictures / "10/z.png").open("wb") as file:
        file.truncate(1 << 33)  # takes no space on the disk, and must not be read
    done = do(pictures, tmp_path / "own")
    assert [(file.label, Path(file.path).name, reason) for file, reason in done.skipped] == [
        (0, "0.png", "is an empty file"),
        (1, "x.png", "cannot be read as an image"),
        (1, "y.png", "cannot be read: No such file or directory"),
        (1, "z.png", "is larger than 20 MB"),
    ]
    assert done.train.tolist() == [7, 8, 8, 8, 8] and done.test.tolist() == [2] * 5


def damaged(folder, count):
    for path in sorted(folder.iterdir())[:count]:
        path.write_bytes(b"x")


def test_a_class_needs_images_that_can_be_used(tmp_path, pictures):
    damaged(pictures / "猫 neko", 9)
    message = (
        r"'猫 neko' has [01] training images .*/0\.png' cannot be read as an image\), but needs"
    )
    with pytest.raises(PipelineError, match=message):
        do(pictures, tmp_path / "own")
    assert not (tmp_path / "own").exists()


@pytest.mark.parametrize(
    ("counts", "message"),
    [
        (
            {"train/a": 9, "train/b": 1, "test/a": 1},
            "'b' has 1 training images that can be used, but needs at least 2",
        ),
        ({"train/a": 2, "train/b": 2, "test/a": 1}, "only 4 training images and 1 test image"),
        ({"a": 9, "b": 1}, "'b' has 1 training images that can be used"),
        ({"a": 3, "b": 3}, "only 4 training images"),
    ],
)
def test_too_few_images_are_refused(tmp_path, save_images, counts, message):
    for name, count in counts.items():
        save_images(tmp_path / "pictures" / name, count)
    with pytest.raises(PipelineError, match=message):
        do(tmp_path / "pictures", tmp_path / "own", fraction=0.5)
    assert not (tmp_path / "own").exists()


def test_a_test_split_without_images_is_refused(tmp_path, save_images):
    for name in ("train/a", "train/b", "test/a"):
        save_images(tmp_path / "pictures" / name, 5)
    damaged(tmp_path / "pictures/test/a", 5)
    with pytest.raises(PipelineError, match="and 0 test images can be used"):
        do(tmp_path / "pictures", tmp_path / "own")


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
    with pytest.raises(PipelineError, match=r"ubyte and 5 more files .* --replace"):
        do(pictures, own)


@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError, PipelineError])
def test_after_an_error_everything_is_as_before(tmp_path, pictures, monkeypatch, error):
    own = tmp_path / "own"
    do(pictures, own)
    before, convert = snapshot(own), image_import.convert

    def fails_late(content, name, *rest):
        if Path(name).parent.name == "猫 neko":
            raise error("as expected")
        return convert(content, name, *rest)

    monkeypatch.setattr(image_import, "convert", fails_late)
    for target in (own, tmp_path / "new"):
        with pytest.raises(error):
            do(pictures, target, replace=True)
    assert snapshot(own) == before
    assert not (tmp_path / "new").exists()
