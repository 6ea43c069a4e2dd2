"""MNIST grown by turning and shifting its images: ``python -m benchmarks.grown FOLDER``."""

import argparse
from itertools import islice, product
from pathlib import Path

import numpy as np
from scipy import ndimage

from src.common.paths import RAW
from src.ingest import catalog, idx

ANGLES = sorted(range(-14, 16, 2), key=abs)  # degrees: 15 of them
SHIFTS = tuple(product((0, -1, 1), repeat=2))  # points down and across: 9, so 135 variants


def grow(raw: Path, target: Path, times: int) -> int:
    """Write the four files with each image in ``times`` variants; the number of all images.

    Args:
        raw: as the stage ``download`` leaves it.
        target: folder, made if need be.
        times: 1 to 135.
    """
    target.mkdir(parents=True, exist_ok=True)
    total = 0
    for name in catalog.NAMES:
        (path,) = raw.glob(f"{name}*")
        content = np.concatenate(list(idx.read_chunks(path, 10_000)))
        total += len(content) * times * (content.ndim == 3)
        with (target / name).open("wb") as file:
            shape = (len(content) * times, *content.shape[1:])
            file.write(bytes([0, 0, 8, len(shape)]) + np.array(shape, ">u4").tobytes())
            turned = {}
            for shift, angle in islice(product(SHIFTS, ANGLES), times):
                if content.ndim == 1:
                    file.write(content)
                    continue
                if angle not in turned:
                    axes = {"axes": (1, 2), "reshape": False, "order": 1}
                    turned[angle] = ndimage.rotate(content, angle, **axes) if angle else content
                file.write(np.roll(turned[angle], shift, axis=(1, 2)))
    return total


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("target", type=Path)
    parser.add_argument("--times", type=int, default=135, help="variants of each image, 1 to 135")
    options = parser.parse_args()
    print(f"{grow(RAW, options.target, options.times):,} images in {options.target}")
