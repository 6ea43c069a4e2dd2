"""Reads published files in the form that all datasets have in ``data/raw``.

This form is: upright images, labels from 0, unsigned bytes. It is the same for a published file
and for a file with the same values in another compression.
"""

from collections.abc import Iterator

import numpy as np

from src.ingest import catalog, idx
from src.ingest.raw import CHUNK_BYTES

LABEL_BYTES = 4  # of an int32 value


def read_pieces(path: idx.AnyPath, name: str, dataset: catalog.Dataset) -> Iterator[bytes]:
    """Read a published file as the IDX file ``name`` in ``data/raw``, at most 1 MiB at a time.

    Args:
        name: one of ``catalog.NAMES``.

    Raises:
        IdxError: the file is missing, damaged, or has another type or number of dimensions.
    """
    if _is_images(name) and dataset.transposed:
        count, height, width = _read_shape(path, name, dataset)
        yield idx.header((count, width, height))
        for chunk in idx.read_chunks(path, max(1, CHUNK_BYTES // (height * width))):
            yield chunk.transpose(0, 2, 1).tobytes()
    elif not _is_images(name) and (dataset.first_label or dataset.label_columns):
        yield idx.header(_read_shape(path, name, dataset)[:1])
        for labels in _read_labels(path, dataset):
            yield (labels - dataset.first_label).astype(np.uint8).tobytes()
    else:
        yield from idx.read_pieces(path)


def check(path: idx.AnyPath, name: str, dataset: catalog.Dataset) -> None:
    """Check what can be checked without a checksum: number and size of the images, and labels.

    Raises:
        IdxError: as ``read_pieces``; or the file has another shape or other labels than the
            published file.
    """
    shape = _read_shape(path, name, dataset)
    expected = _expected_shape(name, dataset)
    if shape != expected:
        raise _wrong_shape(path, shape, expected)
    if not _is_images(name):
        first, last = dataset.first_label, dataset.first_label + len(dataset.class_names) - 1
        for labels in _read_labels(path, dataset):
            wrong = labels[(labels < first) | (labels > last)]
            if len(wrong):
                raise idx.IdxError(
                    f"{path} has the label {wrong[0]}, but the published labels are {first} to "
                    f"{last}; put the published file there"
                )


def _is_images(name: str) -> bool:
    return name in (catalog.TRAIN_IMAGES, catalog.TEST_IMAGES)


def _code(name: str, dataset: catalog.Dataset) -> int:
    """The IDX type code of a published file."""
    is_int32 = dataset.label_columns and not _is_images(name)
    return idx.INT32 if is_int32 else idx.UNSIGNED_BYTE


def _expected_shape(name: str, dataset: catalog.Dataset) -> tuple[int, ...]:
    """The shape of a published file in bytes, as ``idx.read_header`` returns it."""
    train, test = dataset.counts
    count = train if name in (catalog.TRAIN_IMAGES, catalog.TRAIN_LABELS) else test
    if _is_images(name):
        return (count, *catalog.IMAGE_SIZE)
    return (count, dataset.label_columns, LABEL_BYTES) if dataset.label_columns else (count,)


def _read_shape(path: idx.AnyPath, name: str, dataset: catalog.Dataset) -> tuple[int, ...]:
    """Read the shape of a published file in bytes, and check the number of dimensions."""
    shape = idx.read_header(path, _code(name, dataset))
    expected = _expected_shape(name, dataset)
    if len(shape) != len(expected):
        raise _wrong_shape(path, shape, expected)
    return shape


def _wrong_shape(
    path: idx.AnyPath, shape: tuple[int, ...], expected: tuple[int, ...]
) -> idx.IdxError:
    found, published = idx.describe(shape), idx.describe(expected)
    return idx.IdxError(
        f"{path} has {found} bytes, but the published file has {published}; put the published "
        "file there"
    )


def _read_labels(path: idx.AnyPath, dataset: catalog.Dataset) -> Iterator[np.ndarray]:
    """Read the published labels in chunks: integers ``[n]``, not yet counted from 0."""
    if not dataset.label_columns:
        yield from idx.read_chunks(path, CHUNK_BYTES)
        return
    rows = CHUNK_BYTES // (dataset.label_columns * LABEL_BYTES)
    for chunk in idx.read_chunks(path, rows, idx.INT32):
        yield chunk.view(">i4")[:, 0, 0]
