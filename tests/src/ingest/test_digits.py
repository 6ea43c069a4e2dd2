"""The fallback dataset has the form of MNIST."""

import numpy as np
import pytest
from sklearn.datasets import load_digits

from src.ingest import catalog, digits, idx


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("digits")
    digits.write(folder)
    return folder


def test_the_division_is_fixed(folder):
    shapes = [idx.read_header(folder / name) for name in catalog.NAMES]
    assert shapes == [(1437, 28, 28), (1437,), (360, 28, 28), (360,)]
    labels = [idx.read(folder / name) for name in (catalog.TRAIN_LABELS, catalog.TEST_LABELS)]
    np.testing.assert_array_equal(np.concatenate(labels), load_digits().target)


def test_the_images_are_centered_and_inked_like_mnist(folder):
    images = idx.read(folder / catalog.TRAIN_IMAGES).astype(float)
    assert {max(np.ptp(np.nonzero(image), axis=1)) + 1 for image in images} == {20}  # MNIST's box
    assert images.max(axis=(1, 2)).min() > 200  # no image is pale
    assert 28 < images.mean() < 43  # MNIST: 33
    assert 0.15 < (images > 0).mean() < 0.25  # MNIST: 0.19
