import numpy as np
import pytest

from benchmarks.datasets import write_variants
from src.ingest import catalog, idx


@pytest.fixture
def original(arrays, write_set, tmp_path):
    contents = arrays(train=20, test=10)
    write_set(tmp_path / "original", contents)
    (tmp_path / "original/dataset.json").write_text("{}")
    return contents


def read(path):
    return np.concatenate(list(idx.read_chunks(path, 7)))


def test_each_image_gets_different_variants_with_the_same_label(original, tmp_path):
    write_variants(tmp_path / "original", tmp_path / "new", 135)
    images = read(tmp_path / "new" / catalog.TEST_IMAGES).reshape(135, 10, 4, 6)
    np.testing.assert_array_equal(images[0], original[catalog.TEST_IMAGES])
    assert len(np.unique(images, axis=0)) == 135
    labels = read(tmp_path / "new" / catalog.TEST_LABELS).reshape(135, 10)
    assert (labels == original[catalog.TEST_LABELS]).all()
