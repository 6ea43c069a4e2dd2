"""Larger datasets, made from the four IDX files of another one."""

from collections.abc import Iterator
from itertools import islice, product, repeat
from pathlib import Path

import numpy as np
from scipy import ndimage

from src.ingest import catalog, idx

ANGLES = sorted(range(-14, 16, 2), key=abs)  # 15 rotations, in degrees
SHIFTS = tuple(product((0, -1, 1), repeat=2))  # 9 shifts, in pixels down and to the right


def write_variants(raw: Path, target: Path, variants: int) -> None:
    """Write IDX files with 1 to 135 variants of each image; the first one is the original."""
    target.mkdir(parents=True, exist_ok=True)
    for name in catalog.NAMES:
        content = idx.read(raw / name)
        parts = repeat(content) if content.ndim == 1 else _image_variants(content)
        with (target / name).open("wb") as file:
            file.write(idx.header((len(content) * variants, *content.shape[1:])))
            for part in islice(parts, variants):
                file.write(part)


def _image_variants(images: np.ndarray) -> Iterator[np.ndarray]:
    rotated = {0: images}
    for shift, angle in product(SHIFTS, ANGLES):
        if angle not in rotated:
            rotated[angle] = ndimage.rotate(images, angle, axes=(1, 2), reshape=False, order=1)
        yield np.roll(rotated[angle], shift, axis=(1, 2))
