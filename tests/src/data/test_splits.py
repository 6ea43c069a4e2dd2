"""Splits are memory maps, and damaged files are errors."""

import json

import numpy as np
import pytest

from src.common.errors import PipelineError
from src.common.paths import SPLIT_FOLDERS
from src.data.splits import SPLITS, load_dataset_info, load_split


@pytest.fixture
def folder(tmp_path):
    counts = {"train": 7, "validation": 2, "test": 3}
    info = {"name": "local", "height": 4, "width": 6, "counts": counts}
    for split, count in counts.items():
        parent = tmp_path / SPLIT_FOLDERS[split]
        parent.mkdir(exist_ok=True)
        np.save(parent / f"{split}_images.npy", np.full((count, 4, 6), count, np.uint8))
        np.save(parent / f"{split}_labels.npy", np.arange(count, dtype=np.uint8))
    (tmp_path / "training/dataset.json").write_text(json.dumps(info))
    return tmp_path


@pytest.mark.parametrize("split", SPLITS)
def test_a_split_is_a_read_only_memory_map(folder, split):
    images, labels = load_split(folder, split)
    count = load_dataset_info(folder)["counts"][split]
    assert images.shape == (count, 4, 6) and labels.tolist() == list(range(count))
    assert isinstance(images, np.memmap)
    with pytest.raises(ValueError, match="read-only"):
        images[0] = 0


@pytest.mark.parametrize(
    "name", ["training/dataset.json", "test/test_images.npy", "test/test_labels.npy"]
)
def test_a_missing_file_is_an_error(folder, name):
    (folder / name).unlink()
    with pytest.raises(PipelineError, match=f"{name} is missing; run `dvc repro preprocess`"):
        load_split(folder, "test")


@pytest.mark.parametrize("content", [b"", b"not an array", b"\x93NUMPY\x01\x00"])
def test_a_damaged_file_is_an_error(folder, content):
    (folder / "test/test_images.npy").write_bytes(content)
    with pytest.raises(PipelineError, match=r"test_images\.npy is damaged .* `dvc repro prep"):
        load_split(folder, "test")


def test_an_incomplete_file_is_an_error(folder):
    path = folder / "test/test_images.npy"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(PipelineError, match=r"test_images\.npy is damaged"):
        load_split(folder, "test")


def test_objects_are_never_unpickled(folder):
    np.save(folder / "test/test_labels.npy", np.array([{}, {}, {}]), allow_pickle=True)
    with pytest.raises(PipelineError, match=r"test_labels\.npy is damaged"):
        load_split(folder, "test")


@pytest.mark.parametrize(
    ("array", "found"),
    [
        (np.zeros((3, 4, 6)), r"float64 \[3, 4, 6\]"),
        (np.zeros((2, 4, 6), np.uint8), r"uint8 \[2, 4, 6\]"),
        (np.zeros((3, 24), np.uint8), r"uint8 \[3, 24\]"),
    ],
)
def test_an_array_that_contradicts_dataset_json_is_an_error(folder, array, found):
    np.save(folder / "test/test_images.npy", array)
    with pytest.raises(
        PipelineError, match=rf"contains {found} instead of uint8 with .* \[3, 4, 6\]"
    ):
        load_split(folder, "test")
