"""Converts IDX files to ``.npy`` arrays of the training, validation and test splits, in chunks."""

import math
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from src.common.files import json_sha256, read_json, write_json
from src.common.paths import SPLIT_FOLDERS
from src.data.digests import Digest, digest, hash_images
from src.ingest import catalog, idx
from src.ingest.division import MAX_LABELS, choose_split, validation_images
from src.ingest.labels import (
    are_unequal,
    check_labels,
    check_training_labels,
    missing_labels,
    training_warnings,
)
from src.ingest.leakage import Leakage
from src.ingest.properties import complete_class_names
from src.ingest.raw import CHUNK_BYTES, check_shapes, raw_path, read_labels

if TYPE_CHECKING:
    from src.config.params import DataParams

COPIED = ("name", "requested", "is_fallback", "is_published", "conversion")  # from ``data/raw``


def preprocess(raw: Path, target: Path, data: "DataParams") -> dict:
    """Write the arrays of the splits, and ``dataset.json``, into the existing, empty ``target``.

    ``training/{train,validation}_{images,labels}.npy`` and ``training/dataset.json`` do not depend
    on the test files; ``test/test_{images,labels}.npy`` and ``test/warnings.json``, a list, are for
    ``evaluate``. Images are ``uint8 [N, H, W]``, labels ``uint8 [N]``, in the order of the files.
    ``{split}_digests.json`` is next to the arrays of a split. Warnings are also printed.

    Args:
        raw: folder with the four IDX files and ``dataset.json``, as ``download`` wrote it.
        data: ``split``, ``validation`` and ``seed`` determine the validation split.

    Returns:
        The content of ``dataset.json``; see ``_describe``.

    Raises:
        PipelineError: a file is missing or damaged, the files do not match, or the labels cannot
            be used.
    """
    source = read_json(raw / "dataset.json", "download")
    paths = [raw_path(raw, name) for name in catalog.NAMES]
    size = check_shapes(*paths)
    split = choose_split(data.split, is_known=source["is_published"])
    labels = [read_labels(path) for path in paths[1::2]]
    check_training_labels(_count(labels[0]), split == "stratified")
    chosen = validation_images(labels[0], data.validation, split, data.seed)
    parts = {"train": labels[0][~chosen], "validation": labels[0][chosen], "test": labels[1]}
    counts = {name: _count(part) for name, part in parts.items()}
    classes = check_labels(counts, len(source["class_names"]))
    names = complete_class_names(source["class_names"], classes)
    leakage = _write_arrays(paths, target, parts, chosen, size)
    info = _describe(source, size, names, split, counts)
    info["digest"] = _digest(source["files"], chosen)
    test_warnings = missing_labels(counts, "test") + leakage
    for sentence in info["warnings"] + test_warnings:
        print(f"warning: {sentence}", file=sys.stderr)
    write_json(target / SPLIT_FOLDERS["train"] / "dataset.json", info)
    write_json(target / SPLIT_FOLDERS["test"] / "warnings.json", test_warnings)
    return info


def _describe(
    source: dict, size: tuple[int, ...], names: list[str], split: str, counts: dict[str, np.ndarray]
) -> dict:
    """The content of ``dataset.json``, without ``digest``: a SHA-256 of the files and the split.

    The first fields are as in ``data/raw``. ``largest_class`` is the fraction of the validation
    images that have the most frequent label.
    """
    validation = counts["validation"]
    return {
        **{key: source[key] for key in COPIED},
        "height": size[0],
        "width": size[1],
        "classes": len(names),
        "class_names": names,
        "counts": {name: int(counts[name].sum()) for name in ("train", "validation")},
        "split": split,
        "largest_class": round(int(validation.max()) / int(validation.sum()), 6),
        "unequal_classes": are_unequal(counts["train"]),
        "warnings": training_warnings(counts, len(names)),
    }


def _digest(files: dict[str, str], chosen: np.ndarray) -> str:
    """A SHA-256 of the training files and of the images chosen for validation."""
    training = [files[name] for name in (catalog.TRAIN_IMAGES, catalog.TRAIN_LABELS)]
    return json_sha256([*training, np.packbits(chosen).tobytes().hex()])


def _count(labels: np.ndarray) -> np.ndarray:
    return np.bincount(labels, minlength=MAX_LABELS)


def _write_arrays(
    paths: list[Path],
    target: Path,
    labels: dict[str, np.ndarray],
    chosen: np.ndarray,
    size: tuple[int, ...],
) -> list[str]:
    """Write all arrays and their digests; return warnings."""
    for folder in set(SPLIT_FOLDERS.values()):
        (target / folder).mkdir()
    digests = {split: Digest() for split in labels}
    for split, own in labels.items():
        np.save(target / SPLIT_FOLDERS[split] / f"{split}_labels.npy", own)
    test_hashes: list[np.ndarray] = []
    everything = np.ones(len(labels["test"]), bool)
    _write_images(paths[2], target, {"test": everything}, size, digests, test_hashes.append)
    leakage = Leakage(np.concatenate(test_hashes))
    training = {"validation": chosen, "train": ~chosen}
    _write_images(paths[0], target, training, size, digests, leakage.add)
    for split, own in labels.items():
        found = {"images": digests[split].hexdigest(), "labels": digest(own)}
        write_json(target / SPLIT_FOLDERS[split] / f"{split}_digests.json", found)
    return leakage.warning()


def _write_images(
    path: Path,
    target: Path,
    splits: dict[str, np.ndarray],
    size: tuple[int, ...],
    digests: dict[str, Digest],
    use_hashes: Callable[[np.ndarray], None],
) -> None:
    """Write the images of one IDX file, in their order, to one ``.npy`` file per split.

    Args:
        splits: ``bool [N]`` for each split: the images that belong to it.
        digests: of the images of each split, which are added.
        use_hashes: receives the hashes of the images in each chunk.
    """
    with ExitStack() as stack:
        hashing = stack.enter_context(ThreadPoolExecutor(1))  # while this thread reads and writes
        files, hashed = {}, None
        for split, chosen in splits.items():
            # Not a memory map: its pages would count as memory of this process.
            output = target / SPLIT_FOLDERS[split] / f"{split}_images.npy"
            files[split] = stack.enter_context(output.open("wb"))
            shape = (int(chosen.sum()), *size)
            header = {"descr": "|u1", "fortran_order": False, "shape": shape}
            np.lib.format.write_array_header_1_0(files[split], header)
        first = 0
        for chunk in idx.read_chunks(path, max(1, CHUNK_BYTES // math.prod(size))):
            owns = {name: chosen[first : first + len(chunk)] for name, chosen in splits.items()}
            if hashed:
                hashed.result()
            hashed = hashing.submit(_hash, chunk, owns, digests, use_hashes)
            for split, own in owns.items():
                files[split].write((chunk if own.all() else chunk[own]).data)
            first += len(chunk)
        if hashed:
            hashed.result()


def _hash(
    chunk: np.ndarray,
    owns: dict[str, np.ndarray],
    digests: dict[str, Digest],
    use_hashes: Callable[[np.ndarray], None],
) -> None:
    hashes = hash_images(chunk)
    use_hashes(hashes)
    for split, own in owns.items():
        digests[split].add(hashes[own])
