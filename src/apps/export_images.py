"""Write images of a split as PNG files.

``python -m src.apps.export_images --split test --count 20``.

The name of a file contains the number and the class of the image, such as ``test-00007-9.png``.
"""

import argparse
from pathlib import Path

import numpy as np
from PIL import Image

from src.apps.shared import integer
from src.common.errors import run
from src.common.files import atomic_file, file_name
from src.common.paths import PROCESSED
from src.data.splits import SPLITS, load_dataset_info, load_split


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m src.apps.export_images", description=__doc__)
    parser.add_argument("--split", choices=SPLITS, default="test", help="default: test")
    count = "number of images (default: 20)"
    parser.add_argument("--count", type=integer(1), default=20, help=count)
    parser.add_argument("--dark-on-light", action="store_true", help="invert the images")
    parser.add_argument("--output", type=Path, default=Path("exported"), metavar="FOLDER")
    options = parser.parse_args()
    images, labels = load_split(PROCESSED, options.split)
    class_names = load_dataset_info(PROCESSED)["class_names"]
    written = []
    for number in range(min(options.count, len(images))):
        name = file_name(class_names[labels[number]])
        written.append(options.output / f"{options.split}-{number:05}-{name}.png")
        image = np.array(images[number])
        with atomic_file(written[-1]) as partial:
            Image.fromarray(255 - image if options.dark_on_light else image).save(partial)
    print(f"wrote {len(written)} images to {options.output}; the first is {written[0].name}")


if __name__ == "__main__":
    run(main)
