"""Converts IDX files to ``.npy`` arrays of the training, validation and test splits, in chunks."""

import math
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import numpy as np

from src.common.errors import PipelineError
from src.common.files import json_sha256, read_json, write_json
from src.common.paths import SPLIT_FOLDERS
from src.ingest import catalog, idx
from src.ingest.labels import MAX_LABELS, check_labels

CHUNK_BYTES = 1 << 20
MIN_TRAIN = 5  # a fifth of them is then at least one validation image


def preprocess(raw: Path, target: Path, validation: int) -> dict:
    """Write the arrays of the splits, and ``dataset.json``, into the existing, empty ``target``.

    ``training/{train,validation}_{images,labels}.npy`` and ``training/dataset.json`` do not depend
    on the test files; ``test/test_{images,labels}.npy`` is for ``evaluate``. Images are
    ``uint8 [N, H, W]``, labels ``uint8 [N]``, in the order of the files. The first ``validation``
    images, or the first fifth if that is fewer, are the validation split. A warning is printed for
    labels that are missing in a split.

    Args:
        raw: folder with the four IDX files and ``dataset.json``, as ``download`` wrote it.

    Returns:
        The content of ``dataset.json``: ``name``, ``requested`` and ``is_fallback`` as in ``raw``;
        ``height``, ``width``; ``classes`` K, one more than the highest label; ``counts`` of the
        training and validation images; ``largest_class``, the fraction of the validation images
        that have the most frequent label; ``digest``, a SHA-256 of the files and of the split.

    Raises:
        PipelineError: a file is missing or damaged, or the files do not match.
    """
    source = read_json(raw / "dataset.json", "download")
    paths = [_raw_path(raw, name) for name in catalog.NAMES]
    (train, height, width), (test, *_) = _check_shapes(*paths)
    held_out = min(validation, train // 5)
    counts = {"train": train - held_out, "validation": held_out}
    classes, labels = _write_splits(paths, target, counts | {"test": test}, [height, width])
    files = [source["files"][path.name] for path in paths[:2]]
    info = {
        **{key: source[key] for key in ("name", "requested", "is_fallback")},
        **{"height": height, "width": width, "classes": classes, "counts": counts},
        "largest_class": round(int(labels["validation"].max()) / held_out, 6),
        "digest": json_sha256([*files, held_out]),
    }
    write_json(target / SPLIT_FOLDERS["train"] / "dataset.json", info)
    return info


def _write_splits(
    paths: list[Path], target: Path, counts: dict[str, int], size: list[int]
) -> tuple[int, dict[str, np.ndarray]]:
    """Write all arrays; return the number of classes, and the counts of ``_write`` for labels."""
    train_images, train_labels, test_images, test_labels = paths
    for folder in set(SPLIT_FOLDERS.values()):
        (target / folder).mkdir()
    training = {split: counts[split] for split in ("validation", "train")}
    test = {"test": counts["test"]}
    labels = _write(train_labels, target, "labels", training, [])
    labels |= _write(test_labels, target, "labels", test, [])
    classes = check_labels(labels)
    _write(train_images, target, "images", training, size)
    _write(test_images, target, "images", test, size)
    return classes, labels


def _raw_path(raw: Path, name: str) -> Path:
    for path in (raw / f"{name}.gz", raw / name):
        if path.is_file():
            return path
    raise PipelineError(f"{raw} has no {name}, gzip or plain; run `dvc repro --force download`")


def _check_shapes(*paths: Path) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return the shapes of the training and test images, if all four files match."""
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
    return train, test


def _write(
    path: Path, target: Path, kind: str, counts: dict[str, int], item_shape: list[int]
) -> dict[str, np.ndarray]:
    """Write the items of one IDX file, in their order, to one ``.npy`` file per split.

    Returns ``int [256]`` for each split: how many items have each label. For images, all are 0.
    """
    labels = {split: np.zeros(MAX_LABELS, int) for split in counts}
    with ExitStack() as stack:
        files = {}
        for split, count in counts.items():
            # Not a memory map: its pages would count as memory of this process.
            output = target / SPLIT_FOLDERS[split] / f"{split}_{kind}.npy"
            files[split] = stack.enter_context(output.open("wb"))
            header = {"descr": "|u1", "fortran_order": False, "shape": (count, *item_shape)}
            np.lib.format.write_array_header_1_0(files[split], header)
        chunks = idx.read_chunks(path, max(1, CHUNK_BYTES // math.prod(item_shape)))
        for split, items in _divided(chunks, counts):
            files[split].write(items.data)
            if kind == "labels":
                labels[split] += np.bincount(items, minlength=MAX_LABELS)
    return labels


def _divided(
    chunks: Iterator[np.ndarray], counts: dict[str, int]
) -> Iterator[tuple[str, np.ndarray]]:
    """Cut chunks at the end of a split; yield the name of each split and its items."""
    remaining = dict(counts)
    for chunk in chunks:
        for split in remaining:
            items, chunk = chunk[: remaining[split]], chunk[remaining[split] :]
            remaining[split] -= len(items)
            if len(items):
                yield split, items
