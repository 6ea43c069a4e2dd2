import numpy as np
import pytest

from benchmarks.datasets import write_copies, write_variants
from src.ingest import catalog, idx


@pytest.fixture
def original(arrays, write_set, tmp_path):
    contents = arrays(train=20, test=10)
    write_set(tmp_path / "original", contents)
    (tmp_path / "original/dataset.json").write_text("{}")
    return contents


def test_each_image_and_label_is_copied(original, tmp_path):
    size = write_copies(tmp_path / "original", tmp_path, 3)
    assert size == 3 * sum(content.nbytes for content in original.values())
    for name, content in original.items():
        np.testing.assert_array_equal(idx.read(tmp_path / name), np.concatenate([content] * 3))


def test_each_image_gets_different_variants_with_the_same_label(original, tmp_path):
    write_variants(tmp_path / "original", tmp_path / "new", 135)
    images = idx.read(tmp_path / "new" / catalog.TEST_IMAGES).reshape(135, 10, 4, 6)
    np.testing.assert_array_equal(images[0], original[catalog.TEST_IMAGES])
    assert len(np.unique(images, axis=0)) == 135
    labels = idx.read(tmp_path / "new" / catalog.TEST_LABELS).reshape(135, 10)
    assert (labels == original[catalog.TEST_LABELS]).all()
