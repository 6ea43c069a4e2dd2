"""Corruptions of images: what each one does, at each strength, and that they are fixed."""

import numpy as np
import pytest

from benchmarks.corruptions import CORRUPTIONS, LEVELS, corrupt


@pytest.mark.parametrize("name", CORRUPTIONS)
@pytest.mark.parametrize("shape", [(300, 28, 28), (2, 6, 5), (1, 1, 1), (2, 3, 40), (0, 28, 28)])
def test_the_result_is_fixed_and_like_the_images(name, shape):
    images = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    before = images.copy()
    for level in LEVELS:
        corrupted = corrupt(images, name, level)
        assert corrupted.dtype == np.uint8 and corrupted.shape == shape
        assert corrupted.tobytes() == corrupt(images, name, level).tobytes()
    np.testing.assert_array_equal(images, before)
