"""Access to the preprocessed dataset for the stages after ``preprocess``."""

from pathlib import Path

import numpy as np

from src.common.errors import PipelineError
from src.common.files import json_sha256, read_json
from src.common.paths import SPLIT_FOLDERS


def load_dataset_info(folder: Path) -> dict:
    """Read ``dataset.json``, which ``src.ingest.preprocess.preprocess`` describes.

    Raises:
        PipelineError: the file is missing or is not JSON.
    """
    return read_json(folder / SPLIT_FOLDERS["train"] / "dataset.json", "preprocess")


def load_warnings(folder: Path) -> list[str]:
    """Read the warnings of ``preprocess``, about the training and the test images.

    Raises:
        PipelineError: a file is missing or is not JSON.
    """
    test = read_json(folder / SPLIT_FOLDERS["test"] / "warnings.json", "preprocess")
    return load_dataset_info(folder)["warnings"] + test


def load_test_digest(folder: Path) -> str:
    """The SHA-256 of the digests of the test images and labels, in hexadecimal.

    Raises:
        PipelineError: the file is missing or is not JSON.
    """
    path = folder / SPLIT_FOLDERS["test"] / "test_digests.json"
    return json_sha256(read_json(path, "preprocess"))


def load_split(folder: Path, split: str) -> tuple[np.ndarray, np.ndarray]:
    """Map a split, read-only: images ``uint8 [N, H, W]`` and labels ``uint8 [N]``.

    Raises:
        PipelineError: a file is missing or damaged, or does not agree with ``dataset.json``.
    """
    info, path = load_dataset_info(folder), folder / SPLIT_FOLDERS[split]
    labels = _load(path / f"{split}_labels.npy", None)
    shape = len(labels), info["height"], info["width"]
    return _load(path / f"{split}_images.npy", shape), labels


def _load(path: Path, shape: tuple[int, ...] | None) -> np.ndarray:
    """Map an array into memory; without a shape, it must have one dimension."""
    try:
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except FileNotFoundError:
        raise PipelineError(f"{path} is missing; run `dvc repro preprocess`") from None
    except (ValueError, EOFError) as error:
        raise _damaged(path, error) from None
    if array.dtype != np.uint8 or array.shape != (shape or array.shape[:1]):
        expected = "one dimension" if shape is None else f"the shape {list(shape)}"
        content = f"{array.dtype} {list(array.shape)}"
        raise _damaged(path, f"it contains {content} instead of uint8 with {expected}")
    return array


def _damaged(path: Path, reason: object) -> PipelineError:
    # Without --force, DVC would restore the same content from its cache.
    return PipelineError(
        f"{path} is damaged ({reason}); run `dvc repro --force preprocess`, then `dvc repro`"
    )


def read_rows(array: np.ndarray, first: int, target: np.ndarray) -> None:
    """Copy the rows of ``array`` from ``first`` on into ``target``, until it is full.

    A memory map is read from its file: pages that are read through a map would count as memory of
    this process until the system removes them.
    """
    if not isinstance(array, np.memmap):
        target[...] = array[first : first + len(target)]
        return
    with open(str(array.filename), "rb") as file:
        file.seek(array.offset + first * array.strides[0])
        if file.readinto(target.data.cast("B")) < target.nbytes:
            raise _damaged(Path(str(array.filename)), "it is incomplete")
