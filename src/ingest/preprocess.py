"""Converts IDX files to ``.npy`` arrays of the training, validation and test splits, in chunks."""

from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from src.common.errors import PipelineError
from src.common.files import json_sha256, read_json, write_json
from src.common.messages import warn
from src.common.paths import SPLIT_FOLDERS
from src.ingest import catalog, classes, idx
from src.ingest.division import MAX_LABELS, DivisionRule, validation_images

if TYPE_CHECKING:
    from src.config.params import DataParams

MIN_TRAIN = 5  # a fifth of them is then at least one validation image
COPIED = ("name", "requested", "is_fallback", "is_published", "conversion")  # from ``data/raw``


def preprocess(raw: Path, target: Path, data: "DataParams") -> dict:
    """Write the arrays of the splits, and ``dataset.json``, into the existing, empty ``target``.

    ``training/{train,validation}_{images,labels}.npy`` and ``training/dataset.json`` do not depend
    on the test files; ``test/test_{images,labels}.npy`` and ``test/warnings.json``, a list, are for
    ``evaluate``. Images are ``uint8 [N, H, W]``, labels ``uint8 [N]``, in the order of the files.
    ``{split}_digests.json``, a text, is next to the arrays of a split. Warnings are also printed.

    Args:
        raw: folder with the four IDX files and ``dataset.json``, as ``download`` wrote it.
        data: ``split``, ``validation`` and ``seed`` determine the validation split.

    Returns:
        The content of ``dataset.json``. ``majority_fraction`` is the fraction of the validation
        images with the most frequent label; ``digest`` is of the training and validation splits.

    Raises:
        PipelineError: a file is missing or damaged, files do not match, or labels are unusable.
    """
    source = read_json(raw / "dataset.json", "download")
    paths = [raw / name for name in catalog.NAMES]
    height, width = _check_shapes(paths)
    # The tutorials use the first images of the datasets that are known by name.
    automatic: DivisionRule = "first" if source["is_published"] else "stratified"
    rule = automatic if data.split == "auto" else data.split
    train, test = idx.read(paths[1]), idx.read(paths[3])
    chosen = validation_images(train, data.validation, rule, data.seed)
    labels = {"train": train[~chosen], "validation": train[chosen], "test": test}
    counts = {split: np.bincount(part, minlength=MAX_LABELS) for split, part in labels.items()}
    names = classes.check_classes(counts, source["class_names"])
    digests, leakage = _write_arrays(paths, target, labels, chosen)
    info = {key: source[key] for key in COPIED} | _describe(counts, names)
    digest = json_sha256([digests["train"], digests["validation"]])
    info |= {"height": height, "width": width, "split": rule, "digest": digest}
    test_warnings = classes.missing_labels(counts, "test") + leakage
    for sentence in info["warnings"] + test_warnings:
        warn(sentence)
    write_json(target / SPLIT_FOLDERS["train"] / "dataset.json", info)
    write_json(target / SPLIT_FOLDERS["test"] / "warnings.json", test_warnings)
    return info


def _describe(counts: classes.Counts, names: list[str]) -> dict:
    validation = counts["validation"]
    return {
        "classes": len(names),
        "class_names": names,
        "counts": {split: int(counts[split].sum()) for split in ("train", "validation")},
        "majority_fraction": round(int(validation.max()) / int(validation.sum()), 6),
        "unequal_classes": classes.are_unequal(counts["train"]),
        "warnings": classes.training_warnings(counts, len(names)),
    }


def _check_shapes(paths: list[Path]) -> tuple[int, ...]:
    """Check that the four files match; return height and width of the images."""
    shapes = [idx.read_header(path) for path in paths]
    for path, shape, dimensions in zip(paths, shapes, (3, 1, 3, 1), strict=True):
        if len(shape) != dimensions:
            raise PipelineError(
                f"{path} has {len(shape)} dimensions instead of {dimensions}; replace it with the "
                "right file"
            )
    for images, labels in ((0, 1), (2, 3)):
        if shapes[images][0] != shapes[labels][0]:
            raise PipelineError(
                f"{paths[images]} has {shapes[images][0]:,} images but {paths[labels]} has "
                f"{shapes[labels][0]:,} labels; use two files of the same dataset"
            )
    train, test = shapes[0], shapes[2]
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


def _write_arrays(
    paths: list[Path], target: Path, labels: dict[str, np.ndarray], chosen: np.ndarray
) -> tuple[dict[str, str], list[str]]:
    """Write all arrays; return the digest of each split, and warnings.

    Args:
        chosen: ``bool [N]``: which training images are for validation.
    """
    for folder in set(SPLIT_FOLDERS.values()):
        (target / folder).mkdir()
    digests = {split: blake2b(part.tobytes()) for split, part in labels.items()}
    everything = np.ones(len(labels["test"]), bool)
    test = Counter(_write_images(paths[2], target, {"test": everything}, digests))
    members = {"validation": chosen, "train": ~chosen}
    shared = {image for image in _write_images(paths[0], target, members, digests) if image in test}
    found = {split: digest.hexdigest() for split, digest in digests.items()}
    for split, part in labels.items():
        path = target / SPLIT_FOLDERS[split]
        np.save(path / f"{split}_labels.npy", part)
        write_json(path / f"{split}_digests.json", found[split])
    leaked, count = sum(test[image] for image in shared), len(everything)
    sentence = (
        f"leakage: {leaked:,} of {count:,} test images ({leaked / count:.1%}) are also training "
        "images, so the test accuracy is too high; remove them from one of the two"
    )
    return found, [sentence] if leaked else []


def _write_images(
    path: Path, target: Path, splits: dict[str, np.ndarray], digests: dict[str, blake2b]
) -> Iterator[int]:
    """Write the images of one IDX file, in their order, to one ``.npy`` file per split.

    Args:
        splits: ``bool [N]`` for each split: the images that belong to it.
        digests: the images of each split are added to them.

    Yields:
        A hash of each image, which is valid in this process.
    """
    size = idx.read_header(path)[1:]
    with ExitStack() as stack:
        files = {}
        for split, members in splits.items():
            # Not a memory map: its pages would count as memory of this process.
            output = target / SPLIT_FOLDERS[split] / f"{split}_images.npy"
            files[split] = stack.enter_context(output.open("wb"))
            shape = (int(members.sum()), *size)
            header = {"descr": "|u1", "fortran_order": False, "shape": shape}
            np.lib.format.write_array_header_1_0(files[split], header)
        first = 0
        for chunk in idx.read_chunks(path):
            for split, members in splits.items():
                part = chunk[members[first : first + len(chunk)]].tobytes()
                files[split].write(part)
                digests[split].update(part)
            yield from (hash(image.tobytes()) for image in chunk)
            first += len(chunk)
