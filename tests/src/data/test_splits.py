"""The preprocessed dataset, as the stages after preprocess read it."""

import json
from pathlib import Path

import numpy as np
import pytest
from src.data.digests import Digest, digest, hash_images

from src.common.errors import PipelineError
from src.common.files import write_json
from src.common.paths import SPLIT_FOLDERS
from src.data import splits
from src.data.splits import SPLITS, load_dataset_info, load_split, load_warnings

COUNTS = {"train": 7, "validation": 2, "test": 3}
IMAGES, LABELS = "test/test_images.npy", "test/test_labels.npy"


@pytest.fixture
def folder(tmp_path):
    for name in set(SPLIT_FOLDERS.values()):
        (tmp_path / name).mkdir()
    info = {"name": "local", "height": 4, "width": 6, "warnings": ["unequal"]}
    (tmp_path / "training/dataset.json").write_text(json.dumps(info))
    for split, count in COUNTS.items():
        path = tmp_path / SPLIT_FOLDERS[split] / split
        images, labels = np.full((count, 4, 6), count, np.uint8), np.arange(count, dtype=np.uint8)
        np.save(f"{path}_images.npy", images)
        np.save(f"{path}_labels.npy", labels)
        whole = Digest()
        whole.add(hash_images(images))
        write_json(
            Path(f"{path}_digests.json"), {"images": whole.hexdigest(), "labels": digest(labels)}
        )
    write_json(tmp_path / "test/warnings.json", ["leakage"])
    return tmp_path


@pytest.mark.parametrize("split", SPLITS)
def test_a_split_is_mapped_into_memory_read_only(folder, split):
    images, labels = load_split(folder, split)
    assert images.shape == (COUNTS[split], 4, 6)
    assert labels.tolist() == list(range(COUNTS[split]))
    assert isinstance(images, np.memmap)
    with pytest.raises(ValueError, match="read-only"):
        images[0] = 0


def test_the_training_data_can_be_read_without_the_test_data(folder):
    for path in (folder / "test").iterdir():
        path.unlink()
    assert load_dataset_info(folder)["name"] == "local"
    assert len(load_split(folder, "train")[0]) == 7


@pytest.mark.parametrize("name", ["training/dataset.json", IMAGES, LABELS])
def test_a_missing_file_is_reported(folder, name):
    (folder / name).unlink()
    with pytest.raises(PipelineError, match=f"{name} is missing; run `dvc repro preprocess`"):
        load_split(folder, "test")


@pytest.mark.parametrize("content", [b"", b"not an array", b"\x93NUMPY\x01\x00"])
def test_a_damaged_file_is_reported(folder, content):
    (folder / IMAGES).write_bytes(content)
    with pytest.raises(
        PipelineError, match=r"test_images\.npy is damaged .* `dvc repro --force prep"
    ):
        load_split(folder, "test")


def test_a_truncated_file_is_reported(folder):
    path = folder / IMAGES
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(PipelineError, match=r"test_images\.npy is damaged"):
        load_split(folder, "test")


@pytest.mark.parametrize(
    ("array", "found"),
    [
        (np.zeros((3, 4, 6)), r"float64 \[3, 4, 6\]"),
        (np.zeros((2, 4, 6), np.uint8), r"uint8 \[2, 4, 6\]"),
        (np.zeros((3, 24), np.uint8), r"uint8 \[3, 24\]"),
    ],
)
def test_another_type_or_shape_is_reported(folder, array, found):
    np.save(folder / IMAGES, array)
    expected = rf"it contains {found} instead of uint8 with the shape \[3, 4, 6\]"
    with pytest.raises(PipelineError, match=expected):
        load_split(folder, "test")


@pytest.mark.parametrize("name", [IMAGES, LABELS])
def test_a_single_changed_byte_is_reported(folder, name, monkeypatch):
    monkeypatch.setattr(splits, "CHUNK_BYTES", 48)  # two images
    load_split(folder, "test")
    path = folder / name
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(PipelineError, match=rf"{name} is damaged \(its content is not what prep"):
        load_split(folder, "test")
    load_split(folder, "train")


def test_very_large_images_are_not_verified(folder, monkeypatch):
    np.save(folder / IMAGES, np.zeros((3, 4, 6), np.uint8))
    monkeypatch.setattr(splits, "MOST_VERIFIED", 3 * 24 - 1)
    load_split(folder, "test")


def test_the_warnings_about_training_and_test_images_are_read(folder):
    assert load_warnings(folder) == ["unequal", "leakage"]
