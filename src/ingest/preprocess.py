"""Converts IDX files to ``.npy`` arrays of the training, validation and test splits, in chunks."""

from collections import Counter
from collections.abc import Iterator
from hashlib import blake2b
from pathlib import Path
from typing import Literal

import numpy as np

from src.common.errors import PipelineError
from src.common.files import json_sha256, read_json, write_json
from src.common.messages import warn
from src.common.paths import SPLIT_FOLDERS
from src.config.params import DataParams
from src.ingest import catalog, idx
from src.ingest.classes import MAX_LABELS, Counts, check_classes, missing_labels, validation_images

MIN_TRAIN = 5  # a fifth of them is then at least one validation image
UNEQUAL = 10  # a warning if the largest class is so many times as large as the smallest
CHUNK_BYTES = 1 << 20  # of images that are copied at a time
COPIED = ("name", "requested", "is_fallback", "is_published", "conversion")  # from ``data/raw``


def preprocess(raw: Path, target: Path, data: DataParams) -> dict:
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
    auto: Literal["first", "stratified"] = "first" if source["is_published"] else "stratified"
    rule = auto if data.split == "auto" else data.split
    train, test = idx.read(paths[1]), idx.read(paths[3])
    chosen = validation_images(train, data.validation, rule, data.seed)
    members = {"train": ~chosen, "validation": chosen, "test": np.ones(len(test), bool)}
    labels = {"train": train[~chosen], "validation": train[chosen], "test": test}
    counts = {split: np.bincount(part, minlength=MAX_LABELS) for split, part in labels.items()}
    info = {key: source[key] for key in COPIED} | _describe(counts, source["class_names"])
    digests, leakage = _write_arrays(raw, target, labels, members)
    info |= {"height": height, "width": width, "split": rule}
    info["digest"] = json_sha256([digests["train"], digests["validation"], height, width])
    test_warnings = missing_labels(counts, "test") + leakage
    for sentence in info["warnings"] + test_warnings:
        warn(sentence)
    write_json(target / SPLIT_FOLDERS["train"] / "dataset.json", info)
    write_json(target / SPLIT_FOLDERS["test"] / "warnings.json", test_warnings)
    return info


def _describe(counts: Counts, class_names: list[str]) -> dict:
    """Check the classes, and describe the training and validation splits."""
    train, validation = counts["train"], counts["validation"]
    names, warnings = check_classes(counts, class_names), missing_labels(counts, "validation")
    smallest = train[train > 0].min()
    is_unequal = bool(train.max() > UNEQUAL * smallest)
    if is_unequal:
        warnings.append(
            f"the largest class has {train.max():,} training images, the smallest {smallest:,}; "
            "look at the balanced accuracy, the mean over the classes"
        )
    return {
        "classes": len(names),
        "class_names": names,
        "counts": {"train": int(train.sum()), "validation": int(validation.sum())},
        "majority_fraction": round(int(validation.max()) / int(validation.sum()), 6),
        "unequal_classes": is_unequal,
        "warnings": warnings,
    }


def _check_shapes(paths: list[Path]) -> tuple[int, ...]:
    """Check that the four files match; return height and width of the images."""
    shapes = [idx.read_header(path) for path in paths]
    train, train_labels, test, test_labels = shapes
    same_counts = train_labels == train[:1] and test_labels == test[:1]
    same_size = len(train) == 3 and train[1:] == test[1:]
    if not (same_counts and same_size and train[0] >= MIN_TRAIN and test[0] >= 1):
        pairs = zip(paths, shapes, strict=True)
        raise PipelineError(
            f"{', '.join(f'{path} has {idx.describe(shape)}' for path, shape in pairs)}; use files "
            "of the same dataset, with a label for each image, images of one size, and at least "
            f"{MIN_TRAIN} training images and 1 test image"
        )
    return train[1:]


def _write_arrays(
    raw: Path, target: Path, labels: dict[str, np.ndarray], members: dict[str, np.ndarray]
) -> tuple[dict[str, str], list[str]]:
    """Write all arrays; return the digest of each split, and warnings.

    Args:
        members: ``bool [N]`` for each split: which images of the IDX file belong to it.
    """
    digests, test, shared = {}, Counter[int](), set[int]()
    for split in ("test", "validation", "train"):
        folder = target / SPLIT_FOLDERS[split]
        folder.mkdir(exist_ok=True)
        np.save(folder / f"{split}_labels.npy", labels[split])
        digest = blake2b(labels[split].tobytes())
        source = raw / (catalog.TEST_IMAGES if split == "test" else catalog.TRAIN_IMAGES)
        for images in _write_images(source, members[split], folder / f"{split}_images.npy"):
            digest.update(images.tobytes())
            hashes = [hash(image.tobytes()) for image in images]  # valid in this process
            if split == "test":
                test.update(hashes)
            else:
                shared |= test.keys() & hashes
        digests[split] = digest.hexdigest()
        write_json(folder / f"{split}_digests.json", digests[split])
    leaked, count = sum(test[image] for image in shared), len(labels["test"])
    sentence = (
        f"leakage: {leaked:,} of {count:,} test images ({leaked / count:.1%}) are also training "
        "images, so the test accuracy is too high; remove them from one of the two"
    )
    return digests, [sentence] if leaked else []


def _write_images(source: Path, members: np.ndarray, target: Path) -> Iterator[np.ndarray]:
    """Write those images of an IDX file that are ``members`` to a ``.npy`` file; yield them."""
    height, width = idx.read_header(source)[1:]
    shape, rows = (int(members.sum()), height, width), max(1, CHUNK_BYTES // (height * width))
    with target.open("wb") as file:  # not a memory map: its pages count as memory of this process
        header = {"descr": "|u1", "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(file, header)
        for first in range(0, len(members), rows):
            images = idx.read(source, first, rows)[members[first : first + rows]]
            file.write(images.tobytes())
            yield images
