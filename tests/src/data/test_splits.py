import json

import numpy as np
import pytest

from src.common.errors import PipelineError
from src.data.splits import SPLITS, load_dataset_info, load_split


@pytest.fixture
def folder(tmp_path):
    counts = {"train": 7, "validation": 2, "test": 3}
    info = {"name": "local", "height": 4, "width": 6, "counts": counts}
    (tmp_path / "dataset.json").write_text(json.dumps(info))
    for split, count in counts.items():
        np.save(tmp_path / f"{split}_images.npy", np.full((count, 4, 6), count, np.uint8))
        np.save(tmp_path / f"{split}_labels.npy", np.arange(count, dtype=np.uint8))
    return tmp_path


@pytest.mark.parametrize("split", SPLITS)
def test_a_split_is_mapped_read_only(folder, split):
    images, labels = load_split(folder, split)
    count = load_dataset_info(folder)["counts"][split]
    assert images.shape == (count, 4, 6) and labels.tolist() == list(range(count))
    assert isinstance(images, np.memmap)
    with pytest.raises(ValueError, match="read-only"):
        images[0] = 0


@pytest.mark.parametrize("name", ["dataset.json", "test_images.npy", "test_labels.npy"])
def test_a_missing_file_is_told(folder, name):
    (folder / name).unlink()
    with pytest.raises(PipelineError, match=f"{name} is missing; run `dvc repro preprocess`"):
        load_split(folder, "test")


@pytest.mark.parametrize("content", [b"", b"rubbish, and no array", b"\x93NUMPY\x01\x00"])
def test_a_damaged_file_is_told(folder, content):
    (folder / "test_images.npy").write_bytes(content)
    with pytest.raises(PipelineError, match=r"test_images\.npy is damaged .* `dvc repro prep"):
        load_split(folder, "test")


def test_a_cut_off_file_is_told(folder):
    path = folder / "test_images.npy"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(PipelineError, match=r"test_images\.npy is damaged"):
        load_split(folder, "test")


def test_objects_are_never_unpickled(folder):
    np.save(folder / "test_labels.npy", np.array([{}, {}, {}]), allow_pickle=True)
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
def test_what_dataset_json_does_not_say_is_told(folder, array, found):
    np.save(folder / "test_images.npy", array)
    with pytest.raises(PipelineError, match=rf"holds {found} where .* says uint8 \[3, 4, 6\]"):
        load_split(folder, "test")
