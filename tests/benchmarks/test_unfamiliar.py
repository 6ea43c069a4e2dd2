import numpy as np

from benchmarks import unfamiliar


def test_each_kind_of_image_is_different_and_has_the_size_of_the_training_images(digits):
    random = np.random.default_rng(0)
    drawn = [
        unfamiliar._pair(digits[0], random),
        *(draw(random) for draw in (unfamiliar._shapes, unfamiliar._scribble, unfamiliar._dot)),
    ]
    assert all(each.dtype == np.uint8 and each.max() > 200 for each in drawn)
    letters = unfamiliar._printed("AE")
    assert letters.shape == (2 * len(unfamiliar.STYLES), 28, 28)
    assert len(np.unique(letters, axis=0)) == len(letters)
