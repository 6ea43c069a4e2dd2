import numpy as np
import pytest

from benchmarks.photographs import KINDS, photograph
from src.pictures.conversion import DRAWINGS
from src.pictures.convert import convert


@pytest.mark.parametrize("kind", KINDS)
def test_a_photograph_shows_the_digit(kind, digits):
    digit = digits[0][3]
    content = photograph(digit, kind, np.random.default_rng(0))
    image = convert(content, kind, (28, 28), DRAWINGS).image
    assert np.abs(image.astype(int) - digit).mean() < 25  # of another digit: 35
