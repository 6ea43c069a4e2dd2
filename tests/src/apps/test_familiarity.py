"""An image that is not like the training images is found, for real digits."""

import numpy as np
import pytest
from PIL import Image, ImageDraw

from src.apps.familiarity import Familiarity
from src.pictures.ink import center_like_mnist


@pytest.fixture(scope="module")
def known(digits) -> Familiarity:
    return Familiarity(digits[0][:1100], digits[0][1100:1300])


def drawing(*lines: list[tuple[int, int]], width: int = 20) -> np.ndarray:
    image = Image.new("L", (280, 280))
    for line in lines:
        ImageDraw.Draw(image).line(line, 255, width)
    return center_like_mnist(np.asarray(image))[None]


def test_other_digits_are_familiar(known, digits):
    assert known.unfamiliar(digits[0][1300:]).mean() < 0.06


@pytest.mark.parametrize(
    "lines",
    [
        [[(140, 130), (140, 150)]],
        [[(30, 60), (30, 220)], [(140, 60), (140, 220)], [(250, 60), (250, 220)]],
        [[(20, 20), (250, 250), (20, 140), (260, 30), (30, 260), (140, 10), (130, 270)]],
    ],
    ids=["dot", "three bars", "scribble"],
)
def test_other_drawings_are_unfamiliar(known, lines):
    assert known.unfamiliar(drawing(*lines)).all()
