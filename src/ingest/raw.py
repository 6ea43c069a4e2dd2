"""Reads what ``download`` wrote to ``data/raw``: four IDX files."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from src.common.errors import PipelineError
from src.ingest import catalog, idx
from src.ingest.division import validation_count

if TYPE_CHECKING:
    from src.config.params import DataParams

CHUNK_BYTES = 1 << 20
MIN_TRAIN = 5  # a fifth of them is then at least one validation image


def raw_path(raw: Path, name: str) -> Path:
    """Return the path of one of ``catalog.NAMES``; a PipelineError if it is missing."""
    if (raw / name).is_file():
        return raw / name
    raise PipelineError(f"{raw} has no {name}; run `dvc repro --force download`")


def read_labels(path: Path) -> np.ndarray:
    return np.concatenate(list(idx.read_chunks(path, CHUNK_BYTES)))


def training_shape(raw: Path, data: "DataParams") -> tuple[tuple[int, int, int], int]:
    """Return the shape ``[N, H, W]`` of the training split, and the number of classes.

    They are read from the header of the image file, and from the label file.

    Raises:
        PipelineError: a file is missing or damaged.
    """
    count, height, width = idx.read_header(raw_path(raw, catalog.TRAIN_IMAGES))
    labels = read_labels(raw_path(raw, catalog.TRAIN_LABELS))
    count -= validation_count(count, data.validation)
    return (count, height, width), int(labels.max(initial=0)) + 1


def check_shapes(*paths: Path) -> tuple[int, ...]:
    """Return the height and width of the images, if all four files match."""
    headers = [idx.read_header(path) for path in paths]
    for path, shape, dimensions, what in zip(
        paths, headers, (3, 1, 3, 1), ("images", "labels") * 2, strict=True
    ):
        if len(shape) != dimensions:
            raise PipelineError(
                f"{path} has {len(shape)} dimensions, but {what} have {dimensions}; "
                "replace it with the right file"
            )
    for i in (0, 2):
        if headers[i][0] != headers[i + 1][0]:
            raise PipelineError(
                f"{paths[i]} has {headers[i][0]:,} images but {paths[i + 1]} has "
                f"{headers[i + 1][0]:,} labels; use two files of the same dataset"
            )
    train, _, test, _ = headers
    if train[1:] != test[1:]:
        raise PipelineError(
            f"{paths[0]} has images of {train[1]} × {train[2]} but {paths[2]} has "
            f"images of {test[1]} × {test[2]}; use images of the same size"
        )
    if train[0] < MIN_TRAIN or test[0] < 1:
        raise PipelineError(
            f"{paths[0]} has {train[0]} images and {paths[2]} has {test[0]}; at least "
            f"{MIN_TRAIN} training images and 1 test image are needed; use larger files"
        )
    return train[1:]
