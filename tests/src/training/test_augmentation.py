"""Images are changed as SciPy changes them, and differently in each step."""

import numpy as np
import pytest
from scipy import ndimage

from src.common.tensorflow import tf
from src.config.blocks import Augmentation
from src.training.augmentation import AFFINE, Augmenter

HEIGHT, WIDTH = 21, 28
IMAGES = np.random.default_rng(0).integers(0, 256, (6, HEIGHT, WIDTH), np.uint8)
ALL = Augmentation(shift=2.0, rotation=15.0, scale=0.2, shear=0.2, elastic=1.0)
LARGEST = Augmentation(shift=100.0, rotation=180.0, scale=0.99, shear=0.99, elastic=100.0)


def changed(settings, images, seed):
    augmenter = Augmenter(settings, *images.shape[1:])
    return np.asarray(augmenter.apply(images, augmenter.draw(len(images), tf.constant(seed))))


@pytest.mark.parametrize("shape", [(6, HEIGHT, WIDTH), (6, 8, 8), (6, 1, 5)])
def test_without_an_amount_images_do_not_change_and_values_stay_in_their_range(shape):
    images = np.random.default_rng(0).choice([0, 255], shape).astype(np.uint8)
    np.testing.assert_array_equal(changed(Augmentation(), images, [1, 2]), images)
    for settings in (ALL, LARGEST):
        values = changed(settings, images, [1, 2])
        assert values.dtype == np.float32 and values.shape == shape
        assert values.min() >= 0 and values.max() <= 255 + 1e-4  # rounding


@pytest.mark.parametrize(
    "amounts",
    [
        {"shift": 40.0},  # partly to the outside
        {"rotation": 20.0},
        {"scale": 0.3},
        {"shear": 0.3},
        {"shift": 3.0, "rotation": 20.0, "scale": 0.3, "shear": 0.3},
    ],
)
def test_an_affine_change_is_that_of_scipy(amounts):
    settings = Augmentation(**amounts)
    augmenter = Augmenter(settings, HEIGHT, WIDTH)
    numbers = np.asarray(augmenter.draw(len(IMAGES), tf.constant([3, 4])))
    assert numbers.shape == (len(IMAGES), AFFINE)
    ours = np.asarray(augmenter.apply(IMAGES, numbers))
    center = np.array([HEIGHT - 1, WIDTH - 1]) / 2
    for image, one, (down, across, angle, scale_y, scale_x, shear) in zip(
        IMAGES, ours, numbers.astype(np.float64), strict=True
    ):
        turn = np.radians(settings.rotation * angle)
        rotation = [[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]]
        scale = np.diag([1 + settings.scale * scale_y, 1 + settings.scale * scale_x])
        matrix = np.array([[1, 0], [settings.shear * shear, 1]]) @ scale @ rotation
        offset = center - matrix @ center + settings.shift * np.array([down, across])
        expected = ndimage.affine_transform(
            image.astype(np.float64), matrix, offset, order=1, mode="grid-constant"
        )
        np.testing.assert_allclose(one, expected, atol=0.01)
        assert (one != image).any()


@pytest.mark.parametrize(("axis", "shape"), [(1, (28, 20)), (2, (20, 28))])
def test_an_elastic_change_moves_pixels_by_the_typical_distance(axis, shape):
    """In an image that gets lighter along an axis, the value of a pixel says where it was."""
    ramp = 9 * np.arange(28, dtype=np.uint8)
    image = ramp[:, None] if axis == 1 else ramp[None]
    images = np.broadcast_to(image, (1000, *shape)).copy()
    moved = changed(Augmentation(elastic=0.8), images, [5, 6]) / 9 - images / 9
    inner = moved[:, 5:-5, 5:-5]  # no pixel of it comes from outside
    assert np.abs(inner).max() < 5
    assert np.sqrt((inner**2).mean()) == pytest.approx(0.8, rel=0.04)
    assert np.abs(inner.mean(axis=0)).max() < 0.15  # in each direction
    neighbors = np.corrcoef(inner[:, 4, 4], inner[:, 5, 5])[0, 1]
    distant = np.corrcoef(moved[:, 5, 5], moved[:, -5, -5])[0, 1]
    assert neighbors > 0.9 and abs(distant) < 0.2


def test_a_step_changes_images_in_its_own_way_and_again_in_the_same_way():
    first, again, next_step, other_seed = (
        changed(ALL, IMAGES, seed) for seed in ([1, 7], [1, 7], [1, 8], [2, 7])
    )
    assert first.tobytes() == again.tobytes()
    for other in (next_step, other_seed):
        assert all((one != two).any() for one, two in zip(first, other, strict=True))
