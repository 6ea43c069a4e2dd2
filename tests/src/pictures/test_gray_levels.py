"""Images larger than a tile are converted as small ones are; see also ``test_decode``."""

import numpy as np
import pytest
from PIL import Image
from src.pictures.gray_levels import TILE

from src.pictures import gray_levels


@pytest.mark.parametrize("shape", [(TILE + 1, 2), (3, 2 * TILE), (2 * TILE + 3, TILE + 5)])
@pytest.mark.parametrize("kind", [np.uint16, np.int32, np.float32])
def test_tiles_do_not_change_the_result(monkeypatch, shape, kind):
    image = Image.fromarray(np.random.default_rng(0).integers(0, 65_536, shape).astype(kind))
    in_tiles = np.asarray(gray_levels.gray_levels(image))
    monkeypatch.setattr(gray_levels, "TILE", max(shape))
    np.testing.assert_array_equal(in_tiles, np.asarray(gray_levels.gray_levels(image)))
    assert in_tiles.min() == 0 and in_tiles.max() == 255
