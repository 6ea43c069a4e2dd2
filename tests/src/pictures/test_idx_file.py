"""An IDX file that grows."""

import numpy as np
import pytest
from src.pictures.idx_file import appending

from src.ingest import idx

IMAGES = np.arange(5 * 3 * 4, dtype=np.uint8).reshape(5, 3, 4)


@pytest.mark.parametrize("array", [IMAGES, IMAGES[:, 0, 0]], ids=["3d", "1d"])
@pytest.mark.parametrize("cuts", [[], [2], [0, 3, 3]])
def test_items_are_appended(tmp_path, array, cuts):
    idx.write(tmp_path / "expected", array)
    with appending(tmp_path / "file", array.shape[1:]) as append:
        for part in np.split(array, cuts):
            append(part)
    assert (tmp_path / "file").read_bytes() == (tmp_path / "expected").read_bytes()
