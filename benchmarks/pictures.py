"""Real pictures: how many digits of other people are read, and how many get the hint.

The pictures are not part of this project: a folder with ``labels.csv`` (file, label, kind), and
Semeion's text file (UCI, CC BY 4.0) of 1,592 digits of 16 × 16 pixels without a margin.
"""

from collections.abc import Iterator
from io import BytesIO

import numpy as np
import pandas as pd
from PIL import Image

from benchmarks.processes import ROOT
from src.apps.classifiers import choose
from src.apps.familiarity import familiarity
from src.common.paths import PROCESSED
from src.ingest.catalog import DRAWINGS
from src.models.device import choose_device
from src.pictures.convert import convert

PICTURES = ROOT / "../shared/pictures"
SEMEION = ROOT / "../shared/datasets/semeion/digits.txt"
INTRODUCTION = """\
Digits of other people, read by {classifier}.

| pictures | number | right | right ones with the hint | wrong ones with the hint |
| --- | ---: | ---: | ---: | ---: |"""


def digits() -> pd.DataFrame:
    """A row for each picture of one digit: ``kind``, ``label`` and the ``content`` of the file."""
    listed = pd.read_csv(PICTURES / "labels.csv", dtype=str)
    listed = listed[listed.label.str.fullmatch(r"\d")]
    listed["content"] = [(PICTURES / name).read_bytes() for name in listed.file]
    values = np.loadtxt(SEMEION, usecols=range(266))
    images = (255 * values[:, :256].reshape(-1, 16, 16)).astype(np.uint8)
    rows = {"kind": "Semeion", "label": values[:, 256:].argmax(1).astype(str)}
    semeion = pd.DataFrame(rows | {"content": [_png(image) for image in images]})
    return pd.concat([listed[["kind", "label", "content"]], semeion], ignore_index=True)


def _png(image: np.ndarray) -> bytes:
    file = BytesIO()
    Image.fromarray(image).save(file, "PNG")
    return file.getvalue()


def measure(repeat: int) -> Iterator[str]:
    if not (PICTURES.exists() and SEMEION.exists()):
        yield "Not measured: the pictures are missing."
        return
    choose_device("cpu")
    classifier, known, table = choose(None), familiarity(PROCESSED), digits()
    assert known is not None  # MNIST is large enough
    inputs = np.stack(
        [convert(each, "", classifier.shape, DRAWINGS).image for each in table.content]
    )
    table["right"] = classifier.probabilities(inputs).argmax(1) == table.label.astype(int)
    table["hint"] = known.unfamiliar(inputs)
    yield INTRODUCTION.format(classifier=classifier.name)
    for kind, rows in table.groupby("kind", sort=False):
        right, wrong = rows[rows.right], rows[~rows.right]
        hints = f"{right.hint.sum()} of {len(right):,} | {wrong.hint.sum()} of {len(wrong):,}"
        yield f"| {kind} | {len(rows):,} | {rows.right.mean():.1%} | {hints} |"
