"""The preprocessed data set, as the stages after ``preprocess`` read it."""

from pathlib import Path

import numpy as np

from src.common.errors import PipelineError
from src.common.files import read_json
from src.common.paths import SPLIT_FOLDERS

SPLITS = tuple(SPLIT_FOLDERS)


def load_dataset_info(folder: Path) -> dict:
    """What ``preprocess`` wrote about the data: see ``src.ingest.preprocess.preprocess``.

    Raises:
        PipelineError: it is missing or is not JSON.
    """
    return read_json(folder / SPLIT_FOLDERS["train"] / "dataset.json", "preprocess")


def load_split(folder: Path, split: str) -> tuple[np.ndarray, np.ndarray]:
    """The images and labels of one of ``SPLITS``, mapped into memory, not read.

    Returns:
        Read-only ``uint8 [N, H, W]`` and ``uint8 [N]``.

    Raises:
        PipelineError: a file is missing or damaged, or is not what ``dataset.json`` says.
    """
    info, place = load_dataset_info(folder), folder / SPLIT_FOLDERS[split]
    labels = _load(place / f"{split}_labels.npy", None)
    images = _load(place / f"{split}_images.npy", (len(labels), info["height"], info["width"]))
    return images, labels


def _load(path: Path, shape: tuple[int, ...] | None) -> np.ndarray:
    """Map an array of ``shape``, or of one dimension, into memory."""
    again = f"delete {path.parent} and run `dvc repro preprocess`"
    try:
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except FileNotFoundError:
        raise PipelineError(f"{path} is missing; run `dvc repro preprocess`") from None
    except (ValueError, EOFError) as error:
        raise PipelineError(f"{path} is damaged ({error}); {again}") from None
    if array.dtype != np.uint8 or array.shape != (shape or array.shape[:1]):
        expected = "one dimension" if shape is None else f"the shape {list(shape)}"
        raise PipelineError(
            f"{path} contains {array.dtype} {list(array.shape)} instead of uint8 with {expected}; "
            f"{again}"
        )
    return array


def read_rows(array: np.ndarray, first: int, into: np.ndarray) -> None:
    """Copy rows from ``first`` on into ``into``, as many as that has.

    An array that is mapped into memory is read from its file instead: what is read through a map
    counts as memory of this process for as long as the system likes.

    Args:
        array: as ``load_split`` gives it, or one in memory.
    """
    if not isinstance(array, np.memmap):
        into[...] = array[first : first + len(into)]
        return
    with open(array.filename, "rb", buffering=0) as file:
        file.seek(array.offset + first * array.strides[0])
        view = memoryview(into).cast("B")
        done = 0
        while done < len(view):
            count = file.readinto(view[done:])
            if not count:
                raise PipelineError(
                    f"{array.filename} ended early; run `dvc repro preprocess` to make it anew"
                )
            done += count
