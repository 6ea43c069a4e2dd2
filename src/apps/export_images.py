"""Write images of a split as PNG files.

``python -m src.apps.export_images --split test --count 20``.

The name of a file contains the number and the class of the image, such as ``test-00007-9.png``.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image
from rich.progress import track

from src.common.errors import PipelineError, run
from src.common.files import atomic_file, file_name
from src.common.paths import PROCESSED
from src.data.splits import SPLITS, load_dataset_info, load_split


def write(
    images: np.ndarray,
    classes: Sequence[str],
    split: str,
    folder: Path,
    dark_on_light: bool = False,
) -> list[Path]:
    """Write each image as a PNG file of the same size, and return the paths.

    Args:
        images: ``uint8 [N, H, W]``, light on dark.
        classes: the name of the class of each image.
        folder: created if necessary.
        dark_on_light: whether to invert the images.
    """
    paths = []
    pairs = list(zip(images, classes, strict=True))
    for index, (image, name) in enumerate(track(pairs, "writing", transient=True)):
        paths.append(folder / f"{split}-{index:05}-{file_name(name)}.png")
        with atomic_file(paths[-1]) as partial:
            Image.fromarray(255 - image if dark_on_light else np.array(image)).save(partial)
    return paths


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m src.apps.export_images", description=__doc__)
    parser.add_argument("--split", choices=SPLITS, default="test", help="default: test")
    parser.add_argument("--count", type=int, default=20, help="number of images (default: 20)")
    parser.add_argument("--dark-on-light", action="store_true", help="invert the images")
    parser.add_argument("--output", type=Path, default=Path("exported"), metavar="FOLDER")
    options = parser.parse_args()
    if options.count < 1:
        raise PipelineError(f"--count is {options.count}; it must be at least 1")
    images, labels = load_split(PROCESSED, options.split)
    images, labels = images[: options.count], labels[: options.count]
    names = load_dataset_info(PROCESSED)["class_names"]
    classes = [names[label] for label in labels]
    written = write(images, classes, options.split, options.output, options.dark_on_light)
    print(f"wrote {len(written)} images to {options.output}; the first is {written[0].name}")


if __name__ == "__main__":
    run(main)
