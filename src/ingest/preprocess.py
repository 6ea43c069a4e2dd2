"""IDX files to ``.npy`` arrays, chunk by chunk: train, validation, and test."""

import math
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import numpy as np

from src.common.errors import PipelineError
from src.common.files import json_sha256, read_json, write_json
from src.common.paths import SPLIT_FOLDERS
from src.ingest import catalog, idx

CHUNK_BYTES = 1 << 20
MIN_TRAIN = 5  # so that a fifth for validation is at least one
MAX_LABELS = 256  # what a byte holds


def preprocess(raw: Path, target: Path, validation: int) -> dict:
    """Write the arrays of the three splits, and ``dataset.json``, into ``target``.

    ``training/{train,validation}_{images,labels}.npy`` and ``training/dataset.json`` are what
    trainings read; ``test/test_{images,labels}.npy`` is for ``evaluate``.

    Images are ``uint8 [N, H, W]`` and labels ``uint8 [N]``, in the order of the files. The first
    ``validation`` of the training files, or the first fifth of them if that is fewer, are for
    validation. Labels that training or test never see are reported as warnings.

    Args:
        raw: folder with the four IDX files and ``dataset.json``, as ``download`` wrote it.
        target: existing, empty folder.

    Returns:
        The content of ``dataset.json``: ``name``, ``requested`` and ``is_fallback`` as in ``raw``;
        ``height``, ``width``; ``classes`` K, one more than the highest label; ``counts`` of the
        training and validation images; ``digest``, a SHA-256 of their files and of the split.

    Raises:
        PipelineError: a file is missing or damaged, or the files do not fit together.
    """
    source = read_json(raw / "dataset.json", "download")
    paths = [_raw_path(raw, name) for name in catalog.NAMES]
    (train, *size), (test, *_) = _check_shapes(*paths)
    held_out = min(validation, train // 5)
    counts = {"train": train - held_out, "validation": held_out}

    train_images, train_labels, test_images, test_labels = paths
    for folder in set(SPLIT_FOLDERS.values()):
        (target / folder).mkdir()
    division = [("validation", held_out), ("train", counts["train"])]
    seen = _write(train_labels, target, "labels", division, [])
    seen |= _write(test_labels, target, "labels", [("test", test)], [])
    classes = _check_labels(seen)
    _write(train_images, target, "images", division, size)
    _write(test_images, target, "images", [("test", test)], size)
    info = {
        **{key: source[key] for key in ("name", "requested", "is_fallback")},
        "height": size[0],
        "width": size[1],
        "classes": classes,
        "counts": counts,
        "digest": json_sha256(
            [source["files"][paths[0].name], source["files"][paths[1].name], held_out]
        ),
    }
    write_json(target / SPLIT_FOLDERS["train"] / "dataset.json", info)
    return info


def _raw_path(raw: Path, name: str) -> Path:
    for path in (raw / f"{name}.gz", raw / name):
        if path.is_file():
            return path
    raise PipelineError(f"{raw} has no {name}, gzip or plain; run `dvc repro --force download`")


def _check_shapes(*paths: Path) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The dimensions of the training and the test images, if all four files fit together."""
    headers = [idx.read_header(path) for path in paths]
    for path, shape, dimensions, what in zip(
        paths, headers, (3, 1, 3, 1), ("images", "labels") * 2, strict=True
    ):
        if len(shape) != dimensions:
            raise PipelineError(
                f"{path} has {len(shape)} dimensions where {what} have {dimensions}; "
                "put the right file in its place"
            )
    for i in (0, 2):
        if headers[i][0] != headers[i + 1][0]:
            raise PipelineError(
                f"{paths[i]} has {headers[i][0]:,} images but {paths[i + 1]} has "
                f"{headers[i + 1][0]:,} labels; use two files that belong together"
            )
    train, _, test, _ = headers
    if train[1:] != test[1:]:
        raise PipelineError(
            f"{paths[0]} has images of {train[1]} × {train[2]} but {paths[2]} of "
            f"{test[1]} × {test[2]}; bring both to one size"
        )
    if train[0] < MIN_TRAIN or test[0] < 1:
        raise PipelineError(
            f"{paths[0]} has {train[0]} images and {paths[2]} has {test[0]}, where at least "
            f"{MIN_TRAIN} for training and 1 for testing are needed; use larger files"
        )
    return train, test


def _write(
    path: Path, target: Path, kind: str, division: list[tuple[str, int]], item_shape: list[int]
) -> dict[str, np.ndarray]:
    """Write the items of one IDX file, in their order, into one ``.npy`` for each split.

    Returns:
        For each split, which labels occur: ``bool [256]``. All false for images.
    """
    seen = {split: np.zeros(MAX_LABELS, bool) for split, _ in division}
    with ExitStack() as stack:
        files = {}
        for split, count in division:
            # Header and raw values, not a memory map: pages written through a map would count
            # as memory of this process.
            files[split] = stack.enter_context(
                (target / SPLIT_FOLDERS[split] / f"{split}_{kind}.npy").open("wb")
            )
            header = {"descr": "|u1", "fortran_order": False, "shape": (count, *item_shape)}
            np.lib.format.write_array_header_1_0(files[split], header)
        chunks = idx.read_chunks(path, max(1, CHUNK_BYTES // math.prod(item_shape)))
        for split, items in _divided(chunks, division):
            files[split].write(items)
            if kind == "labels":
                seen[split][items] = True
    return seen


def _divided(
    chunks: Iterator[np.ndarray], division: list[tuple[str, int]]
) -> Iterator[tuple[str, np.ndarray]]:
    """Cut chunks where one split ends and the next begins; yields each split with its items."""
    remaining = dict(division)
    for chunk in chunks:
        for split in remaining:
            items, chunk = chunk[: remaining[split]], chunk[remaining[split] :]
            remaining[split] -= len(items)
            if len(items):
                yield split, items


def _check_labels(seen: dict[str, np.ndarray]) -> int:
    """The number of classes; warns of labels that a split lacks.

    Raises:
        PipelineError: there is one label only: nothing to tell apart.
    """
    labels = {split: set(np.flatnonzero(mask).tolist()) for split, mask in seen.items()}
    used = set.union(*labels.values())
    if len(used) < 2:
        raise PipelineError(
            f"every label is {min(used)}, where 2 to {MAX_LABELS} classes are needed; "
            "use label files with a number from 0 for each class"
        )
    classes = max(used) + 1
    if unused := set(range(classes)) - used:
        _warn(f"no image has {_listed(unused)}, yet there are {classes} classes, 0 to {max(used)}")
    for split, own in labels.items():
        if lacking := used - own:
            hint = "" if split == "test" else "; shuffle the training files if they are sorted"
            _warn(f"{_listed(lacking)} never occurs in {split}, but elsewhere{hint}")
    return classes


def _warn(sentence: str) -> None:
    print(f"warning: {sentence}", file=sys.stderr)


def _listed(labels: set[int]) -> str:
    first = ", ".join(str(label) for label in sorted(labels)[:10])
    return f"label {first}" + (f" and {len(labels) - 10} more" if len(labels) > 10 else "")
