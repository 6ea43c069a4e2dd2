"""The arrays are the images and labels of the files, divided into three splits."""

import json
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from src.common.errors import PipelineError
from src.common.paths import SPLIT_FOLDERS
from src.ingest import catalog, preprocess
from src.ingest.classes import read_properties
from src.ingest.download import download

REAL = Path("../shared/datasets/mnist").resolve()
TRAIN_IMAGES, TRAIN_LABELS, TEST_IMAGES, TEST_LABELS = catalog.NAMES


@pytest.fixture
def run(tmp_path, write_set, data_params):
    """Write files and preprocess them; return the info and the folder of the arrays."""

    def execute(contents, validation=10, name="processed", split="first"):
        raw, target = tmp_path / "raw", tmp_path / name
        write_set(raw, contents)
        target.mkdir()
        source = {"name": "local", "requested": "local", "is_fallback": False}
        source |= read_properties(raw) | {"is_published": False}
        (raw / "dataset.json").write_text(json.dumps(source))
        data = data_params(validation=validation, split=split)
        return preprocess.preprocess(raw, target, data), target

    return execute


def load(target, split):
    path = target / SPLIT_FOLDERS[split] / split
    return [np.load(f"{path}_{kind}.npy") for kind in ("images", "labels")]


@pytest.mark.parametrize("chunk_bytes", [1, 24 * 7, 1 << 20])
def test_the_arrays_are_the_content_of_the_files(run, arrays, monkeypatch, chunk_bytes):
    monkeypatch.setattr(preprocess, "CHUNK_BYTES", chunk_bytes)
    contents = arrays(train=50, test=20, height=4, width=6, classes=3)
    info, target = run(contents, validation=8)
    bounds = {"validation": ("train", 0, 8), "train": ("train", 8, 50), "test": ("t10k", 0, 20)}
    for split, (prefix, first, last) in bounds.items():
        images, labels = load(target, split)
        assert images.dtype == labels.dtype == np.uint8
        assert images.flags.c_contiguous
        np.testing.assert_array_equal(images, contents[f"{prefix}-images-idx3-ubyte"][first:last])
        np.testing.assert_array_equal(labels, contents[f"{prefix}-labels-idx1-ubyte"][first:last])
    assert info == {
        **{"name": "local", "requested": "local", "is_fallback": False, "is_published": False},
        **{"height": 4, "width": 6, "classes": 3, "class_names": ["0", "1", "2"]},
        "conversion": {"center_like_mnist": False, "light_on_dark": True},
        "counts": {"train": 42, "validation": 8},
        "majority_fraction": np.bincount(contents[TRAIN_LABELS][:8]).max() / 8,
        **{"unequal_classes": False, "warnings": [], "split": "first", "digest": info["digest"]},
    }
    assert json.loads((target / "training/dataset.json").read_text()) == info


@pytest.mark.parametrize("classes", [2, 256])
def test_from_2_to_256_classes(run, arrays, classes):
    info, _ = run(arrays(train=700, test=300, height=1, width=1, classes=classes))
    assert info["classes"] == classes


def changed(arrays, name, change):
    contents = arrays()
    contents[name] = change(contents[name])
    return contents


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ((TRAIN_IMAGES, lambda a: a[:, 0]), "images-idx3-ubyte has 50 × 6, .*; use files of the"),
        ((TEST_LABELS, lambda a: a[:, None]), "t10k-labels-idx1-ubyte has 20 × 1; use"),
        ((TRAIN_LABELS, lambda a: a[1:]), "train-labels-idx1-ubyte has 49, .*a label for each"),
        ((TEST_IMAGES, lambda a: a[1:]), "t10k-images-idx3-ubyte has 19 × 4 × 6, "),
        ((TEST_IMAGES, lambda a: a[:, 1:]), "has 50 × 4 × 6, .* has 20 × 3 × 6, .*of one size"),
        ({"train": 4}, "has 4 × 4 × 6, .* at least 5 training images"),
        ({"test": 0}, "has 0 × 4 × 6, .* 1 test image"),
        ({"classes": 1}, "all training images have the label 0, but 2 to"),
    ],
)
def test_files_that_do_not_match_are_reported(run, arrays, changes, message):
    contents = arrays(**changes) if isinstance(changes, dict) else changed(arrays, *changes)
    with pytest.raises(PipelineError, match=message):
        run(contents)


def test_other_test_files_leave_the_training_data_unchanged(run, arrays):
    first, second = arrays(), arrays()
    second[TEST_IMAGES] = second[TEST_IMAGES][:15] // 2
    second[TEST_LABELS] = second[TEST_LABELS][:15][::-1]
    targets = [run(contents, name=f"{i}")[1] for i, contents in enumerate([first, second])]
    training, test = (
        [{path.name: path.read_bytes() for path in (target / name).iterdir()} for target in targets]
        for name in ("training", "test")
    )
    assert len(training[0]) == 7 and training[0] == training[1]
    assert test[0] != test[1]


def test_a_stratified_split_has_all_classes_of_sorted_files(run, arrays):
    contents = arrays(train=900, test=450, classes=5)
    contents[TRAIN_LABELS].sort()
    _, target = run(contents, validation=100, split="stratified")
    images, labels = load(target, "validation")
    assert np.bincount(labels).tolist() == [20] * 5
    train_images, train_labels = load(target, "train")
    assert np.bincount(train_labels).tolist() == [160] * 5
    rows = [*map(bytes, images), *map(bytes, train_images)]
    assert sorted(rows) == sorted(map(bytes, contents[TRAIN_IMAGES]))
    by_image = dict(zip(map(bytes, contents[TRAIN_IMAGES]), contents[TRAIN_LABELS], strict=True))
    assert [by_image[row] for row in rows] == [*labels, *train_labels]


def test_unequal_classes_are_a_warning(run, arrays):
    contents = arrays(train=70, test=20, classes=2)
    assert run(contents)[0]["unequal_classes"] is False
    contents[TRAIN_LABELS][:] = np.arange(70) < 6
    info, _ = run(contents, name="unequal", split="stratified")
    assert info["unequal_classes"] is True
    (warning,) = info["warnings"]
    assert "training images, the smallest 5; look at the balanced accuracy" in warning


def test_test_images_that_are_training_images_are_reported(run, arrays, capsys):
    contents = arrays(train=50, test=20, height=5, width=5)
    contents[TEST_IMAGES][3:6] = contents[TRAIN_IMAGES][[7, 7, 20]]
    run(contents)
    assert capsys.readouterr().err == (
        "warning: leakage: 3 of 20 test images (15.0%) are also training images, so the test "
        "accuracy is too high; remove them from one of the two\n"
    )


def test_memory_does_not_grow_with_the_data(run, tmp_path, arrays, data_params):
    run(arrays(train=50_000, test=10, height=28, width=28))
    (tmp_path / "other").mkdir()
    tracemalloc.start()
    try:
        preprocess.preprocess(tmp_path / "raw", tmp_path / "other", data_params(validation=5000))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 12 << 20  # the images are 39 MB


@pytest.mark.skipif(not REAL.is_dir(), reason=f"{REAL} is missing")
def test_real_mnist(tmp_path, target, data_params):
    params = data_params(folders=[str(REAL)], validation=5000)
    download(params, target)
    (tmp_path / "processed").mkdir()
    info = preprocess.preprocess(target, tmp_path / "processed", params)
    assert info["counts"] == {"train": 55_000, "validation": 5000}
    images, _ = load(tmp_path / "processed", "train")
    # The mean pixel of all 60,000 is widely published.
    first, _ = load(tmp_path / "processed", "validation")
    total = images.sum(dtype=np.int64) + first.sum(dtype=np.int64)
    assert total / (60_000 * 784 * 255) == pytest.approx(0.1307, abs=5e-5)
