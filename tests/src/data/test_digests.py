"""Different images have different hashes."""

from itertools import combinations

import numpy as np
from src.data.digests import Digest, hash_images

HASH = 3_640_905_155_862_269_908


def test_images_that_differ_in_few_pixels_have_different_hashes():
    # All images with two white pixels, and those with one value of 128.
    pairs = list(combinations(range(28 * 28), 2))[::7]
    images = np.zeros((len(pairs) + 784, 784), np.uint8)
    for image, pixels in zip(images, pairs, strict=False):
        image[list(pixels)] = 255
    images[len(pairs) :][np.arange(784), np.arange(784)] = 128
    assert len(np.unique(hash_images(images.reshape(-1, 28, 28)))) == len(images)


def test_the_hashes_do_not_change_with_the_version_of_a_library():
    image = np.arange(6, dtype=np.uint8).reshape(1, 2, 3)
    assert hash_images(image).tolist() == [HASH]
    assert hash_images(image[:, :, ::-1]).tolist() != [HASH]


def test_the_digest_does_not_depend_on_the_parts():
    hashes = np.arange(10, dtype=np.uint64)
    whole, parts = Digest(), Digest()
    whole.add(hashes)
    for part in np.split(hashes, [3, 3, 9]):
        parts.add(part)
    assert whole.hexdigest() == parts.hexdigest()
