"""How many images get a hint: no digit, not like the training images, or hard to read."""

from collections.abc import Callable, Iterator
from pathlib import Path

import matplotlib
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from benchmarks.pictures import png
from src.apps.classifiers import choose, reader
from src.apps.predict import predictions
from src.common.paths import PROCESSED
from src.data.splits import load_dataset_info, load_split
from src.ingest.image_folders import converted_images
from src.models.device import choose_device

FONTS = Path(matplotlib.get_data_path(), "fonts/ttf")
STYLES = ("Sans", "Sans-Bold", "Sans-Oblique", "SansMono", "SansMono-Bold", "Serif", "Serif-Bold")
# Not B, C, D, G, I, O, Q, S, V, Z, b, c, g, i, j, l, o, q, s, v and z, which look like digits.
LETTERS = "AEFHJKLMNPRTUWXYadefhkmnprtuwxy"
COUNT = 200  # images of each kind that is random
SIDE, PEN = 280, 20  # pixels of a drawing, as in the demo
INTRODUCTION = """\
Shares of the images of each kind that get a hint from {classifier}. The letters and digits are
those of {fonts} fonts. The letters are {letters}; the others look like digits.

| images | number | with a hint |
| --- | ---: | ---: |"""

Points = list[tuple[float, float]]


def measure(repeat: int) -> Iterator[str]:
    choose_device("cpu")
    classifier, random = choose(None), np.random.default_rng(0)
    dataset, test = load_dataset_info(PROCESSED), load_split(PROCESSED, "test")[0]
    yield INTRODUCTION.format(classifier=classifier.name, fonts=len(STYLES), letters=LETTERS)
    kinds = {
        "test images": test,
        "digits of fonts": _printed("0123456789"),
        "letters": _printed(LETTERS),
        "scribbles": _several(lambda: _scribble(random)),
        "dots": _several(lambda: _dot(random)),
    }
    for name, images in kinds.items():
        pictures = converted_images(map(png, images), reader(dataset))
        found = predictions(pictures, classifier, dataset["class_names"])
        share = np.mean([each.hint != "" for each in found])
        yield f"| {name} | {len(images):,} | {share:.1%} |"


def _several(draw: Callable[[], np.ndarray]) -> list[np.ndarray]:
    return [draw() for _ in range(COUNT)]


def _printed(characters: str) -> list[np.ndarray]:
    images = []
    for style in STYLES:
        font = ImageFont.truetype(FONTS / f"DejaVu{style}.ttf", 200)
        for each in characters:
            image = Image.new("L", (400, 400))
            ImageDraw.Draw(image).text((200, 200), each, 255, font=font, anchor="mm")
            images.append(np.asarray(image))
    return images


def _drawn(*lines: Points) -> np.ndarray:
    image = Image.new("L", (SIDE, SIDE))
    for line in lines:
        ImageDraw.Draw(image).line(line, 255, PEN, joint="curve")
    return np.asarray(image)


def _scribble(random: np.random.Generator) -> np.ndarray:
    points = random.uniform(40, 240, (random.integers(8, 16), 2))
    return _drawn([(x, y) for x, y in points.tolist()])


def _dot(random: np.random.Generator) -> np.ndarray:
    image, radius = Image.new("L", (SIDE, SIDE)), random.uniform(6, 40)
    box = (140 - radius, 140 - radius, 140 + radius, 140 + radius * random.uniform(0.8, 1.2))
    ImageDraw.Draw(image).ellipse(box, fill=255)
    return np.asarray(image)
