"""The preprocessed dataset, as the stages after preprocess read it."""

import json

import numpy as np
import pytest

from src.common.errors import PipelineError
from src.common.files import write_json
from src.common.paths import SPLIT_FOLDERS
from src.data.splits import load_dataset_info, load_split, load_warnings

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
    write_json(tmp_path / "test/warnings.json", ["leakage"])
    return tmp_path


@pytest.mark.parametrize("split", SPLIT_FOLDERS)
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


ZEROS = np.zeros((3, 4, 6), np.uint8)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", ""),
        (b"not an array", ""),
        ("cut", ""),
        (np.array([print], object), "Python objects in dtype"),  # a pickle, which is not loaded
        (ZEROS.astype(float), r"float64 \[3, 4, 6\] instead of uint8 with the shape \[3, 4, 6\]"),
        (ZEROS[:2], r"uint8 \[2, 4, 6\] instead"),
        (ZEROS.reshape(3, 24), r"uint8 \[3, 24\] instead"),
    ],
)
def test_a_damaged_file_is_reported(folder, content, reason):
    if isinstance(content, np.ndarray):
        np.save(folder / IMAGES, content)
    else:
        complete = (folder / IMAGES).read_bytes()
        (folder / IMAGES).write_bytes(complete[:-1] if content == "cut" else content)
    message = rf"test_images\.npy is damaged \(.*{reason}.*\); run `dvc repro --force preprocess`"
    with pytest.raises(PipelineError, match=message):
        load_split(folder, "test")


def test_the_warnings_about_training_and_test_images_are_read(folder):
    assert load_warnings(folder) == ["unequal", "leakage"]
