"""Real pictures: how many digits of other people are read, and how many get a hint.

The pictures are not part of this project: a folder with ``labels.csv`` (file, label, kind), and
Semeion's text file (UCI, CC BY 4.0) of 1,592 digits of 16 × 16 pixels without a margin.
"""

from collections.abc import Iterator
from io import BytesIO

import numpy as np
import pandas as pd
from PIL import Image

from benchmarks.processes import ROOT
from src.apps.classifiers import choose, reader
from src.apps.predict import predictions
from src.common.errors import PipelineError
from src.common.paths import PROCESSED
from src.data.splits import load_dataset_info, load_split
from src.ingest.image_folders import converted_images
from src.models.device import choose_device

PICTURES = ROOT / "../shared/pictures"
ROWS = 200
SEMEION = ROOT / "../shared/datasets/semeion/digits.txt"
INTRODUCTION = """\
Digits of other people, and rows of digits that a program made, read by {classifier}.

| pictures | number | right | right ones with a hint | wrong ones with a hint |
| --- | ---: | ---: | ---: | ---: |"""


def digits() -> pd.DataFrame:
    """A row for each picture of one digit: ``kind``, ``label`` and the ``content`` of the file."""
    listed = pd.read_csv(PICTURES / "labels.csv", dtype=str)
    listed = listed[listed.label.str.fullmatch(r"\d")]
    listed["content"] = [(PICTURES / name).read_bytes() for name in listed.file]
    values = np.loadtxt(SEMEION, usecols=range(266))
    images = (255 * values[:, :256].reshape(-1, 16, 16)).astype(np.uint8)
    rows = {"kind": "Semeion", "label": values[:, 256:].argmax(1).astype(str)}
    semeion = pd.DataFrame(rows | {"content": [png(image) for image in images]})
    return pd.concat([listed[["kind", "label", "content"]], semeion], ignore_index=True)


def png(image: np.ndarray) -> bytes:
    file = BytesIO()
    Image.fromarray(image).save(file, "PNG")
    return file.getvalue()


def rows() -> pd.DataFrame:
    """Pictures of two to six validation images in a row, in dark ink on light paper."""
    images, labels = load_split(PROCESSED, "validation")
    random, pictures = np.random.default_rng(0), []
    for _ in range(ROWS):
        chosen = random.choice(len(labels), random.integers(2, 7), replace=False)
        paper, left = np.zeros((220, 160 * len(chosen) + 60), np.uint8), 30
        for number in chosen:
            digit = Image.fromarray(images[number])
            digit = digit.crop(digit.getbbox())
            height = int(100 * random.uniform(0.75, 1.1))
            width = max(1, digit.width * height // digit.height)
            top = int(random.uniform(38, 62))
            paper[top : top + height, left : left + width] = digit.resize((width, height))
            left += width + int(random.uniform(10, 50))
        light, dark = random.uniform(180, 250), random.uniform(10, 90)
        gray = light + (dark - light) / 255 * paper[:, : left + 30]
        gray += random.normal(0, 3, gray.shape)
        label = " ".join(map(str, labels[chosen]))
        content = png(gray.clip(0, 255).astype(np.uint8))
        pictures.append({"kind": "rows of digits", "label": label, "content": content})
    return pd.DataFrame(pictures)


def measure(repeat: int) -> Iterator[str]:
    if not (PICTURES.exists() and SEMEION.exists()):
        raise PipelineError(f"the pictures are missing; this needs {PICTURES} and {SEMEION}")
    choose_device("cpu")
    classifier, table = choose(None), pd.concat([digits(), rows()], ignore_index=True)
    dataset = load_dataset_info(PROCESSED)
    pictures = converted_images(table.content, reader(dataset))
    found = list(predictions(pictures, classifier, dataset["class_names"]))
    table["right"] = [each.label for each in found] == table.label
    table["hint"] = [bool(each.hint) for each in found]
    yield INTRODUCTION.format(classifier=classifier.name)
    for kind, some in table.groupby("kind", sort=False):
        right, wrong = some[some.right], some[~some.right]
        hints = f"{right.hint.sum()} of {len(right):,} | {wrong.hint.sum()} of {len(wrong):,}"
        yield f"| {kind} | {len(some):,} | {some.right.mean():.1%} | {hints} |"
