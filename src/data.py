"""The preprocessed data set, as the stages after ``preprocess`` read it."""

from pathlib import Path

import numpy as np

from src.errors import PipelineError
from src.files import read_json

SPLITS = ("train", "validation", "test")


def load_dataset_info(folder: Path) -> dict:
    """What ``preprocess`` wrote about the data: see ``src.preprocess.preprocess``.

    Raises:
        PipelineError: it is missing or is not JSON.
    """
    return read_json(folder / "dataset.json", "preprocess")


def load_split(folder: Path, split: str) -> tuple[np.ndarray, np.ndarray]:
    """The images and labels of one of ``SPLITS``, mapped into memory, not read.

    Returns:
        Read-only ``uint8 [N, H, W]`` and ``uint8 [N]``.

    Raises:
        PipelineError: a file is missing or damaged, or is not what ``dataset.json`` says.
    """
    info = load_dataset_info(folder)
    count = info["counts"][split]
    images = _load(folder / f"{split}_images.npy", (count, info["height"], info["width"]))
    labels = _load(folder / f"{split}_labels.npy", (count,))
    return images, labels


def _load(path: Path, shape: tuple[int, ...]) -> np.ndarray:
    try:
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except FileNotFoundError:
        raise PipelineError(f"{path} is missing; run `dvc repro preprocess` to make it") from None
    except (ValueError, EOFError) as error:
        raise PipelineError(
            f"{path} is damaged ({error}); delete {path.parent} and run `dvc repro preprocess`"
        ) from None
    if array.dtype != np.uint8 or array.shape != shape:
        raise PipelineError(
            f"{path} holds {array.dtype} {list(array.shape)} where dataset.json beside it says "
            f"uint8 {list(shape)}; delete {path.parent} and run `dvc repro preprocess`"
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
