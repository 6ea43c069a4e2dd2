"""Images are changed as SciPy changes them, and differently in each step."""

import numpy as np
import pytest
from scipy import ndimage

from src.common.tensorflow import tf
from src.config.blocks import Augmentation
from src.training.augmentation import AFFINE, CHANGED, GRAY_LEVELS, Augmenter, corrupted

HEIGHT, WIDTH = 21, 28
IMAGES = np.random.default_rng(0).integers(0, 256, (6, HEIGHT, WIDTH), np.uint8)
ALL = Augmentation(shift=2.0, rotation=15.0, scale=0.2, shear=0.2, elastic=1.0)
LEVELS = Augmentation(
    stroke_width=0.9, occlusion=9.0, blur=2.0, contrast=0.9, background=1.0, noise=100.0
)
LARGEST = Augmentation(shift=100.0, rotation=180.0, scale=0.99, shear=0.99, elastic=100.0)


def changed(settings, images, seed):
    augmenter = Augmenter(settings, *images.shape[1:])
    return np.asarray(augmenter.apply(images, augmenter.draw(len(images), tf.constant(seed))))


@pytest.mark.parametrize("shape", [(6, HEIGHT, WIDTH), (6, 8, 8), (6, 1, 5)])
def test_without_an_amount_images_do_not_change_and_values_stay_in_their_range(shape):
    images = np.random.default_rng(0).choice([0, 255], shape).astype(np.uint8)
    np.testing.assert_array_equal(changed(Augmentation(), images, [1, 2]), images)
    for settings in (ALL, LARGEST, LEVELS):
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


def occluded(image, side, top, left):
    rows, columns = np.arange(HEIGHT)[:, None], np.arange(WIDTH)[None]
    down, across = (
        (rows - (1 + top) / 2 * (HEIGHT - side)),
        (columns - (1 + left) / 2 * (WIDTH - side)),
    )
    return np.where((down >= 0) & (down < side) & (across >= 0) & (across < side), 0, image)


def wider(image, pixels, is_wider):
    cross = ndimage.generate_binary_structure(2, 1)
    change = ndimage.grey_dilation if is_wider else ndimage.grey_erosion
    full = change(np.pad(image, 1), footprint=cross)[1:-1, 1:-1]
    return image + pixels * (full - image)


@pytest.mark.parametrize(
    ("amount", "expected"),
    [
        ({"stroke_width": 0.9}, lambda image, s, n: wider(image, 0.9 * s, n[2] > 0)),
        ({"occlusion": 9.0}, lambda image, s, n: occluded(image, 9 * s, *n[:2])),
        (
            {"contrast": 0.9},
            lambda image, s, n: image.mean() + (1 - 0.9 * s) * (image - image.mean()),
        ),
        ({"background": 1.0}, lambda image, s, n: image + s * (255 - 2 * image)),
    ],
)
def test_gray_levels_of_some_images_change_as_described(amount, expected):
    augmenter = Augmenter(Augmentation(**amount), HEIGHT, WIDTH)
    images = np.tile(IMAGES, (50, 1, 1))
    numbers = np.asarray(augmenter.draw(len(images), tf.constant([1, 2])))
    assert numbers.shape == (len(images), AFFINE + GRAY_LEVELS)
    ours, names = np.asarray(augmenter.apply(images, numbers)), list(LEVELS.model_dump())[5:]
    column = 2 + names.index(*amount)
    strengths = np.maximum(np.abs(numbers[:, AFFINE + column]) - (1 - CHANGED), 0) / CHANGED
    assert (strengths > 0).mean() == pytest.approx(CHANGED, abs=0.08)
    for image, one, strength, own in zip(images, ours, strengths, numbers[:, AFFINE:], strict=True):
        own = np.concatenate([own[:2], own[column:]])
        wanted = expected(image.astype(np.float64), strength, own)
        np.testing.assert_allclose(one, wanted, atol=0.01)


def test_blur_and_noise_are_those_of_a_gaussian_and_of_the_standard_deviation():
    smooth = np.zeros((400, HEIGHT, WIDTH), np.uint8)
    smooth[:, 10, 14] = 250
    spread = changed(Augmentation(blur=2.0), smooth, [1, 2])
    np.testing.assert_allclose(spread.sum((1, 2)), 250, rtol=0.01)  # far from the edge
    widths = np.sqrt((spread.sum(1) * (np.arange(WIDTH) - 14) ** 2).sum(1) / 250)
    assert 1.8 < widths.max() <= 2.01 and np.median(widths) == pytest.approx(0, abs=1e-3)
    gray = np.full((400, HEIGHT, WIDTH), 128, np.uint8)
    noise = changed(Augmentation(noise=40.0), gray, [1, 2]).std((1, 2))
    assert 36 < noise.max() < 42 and np.median(noise) == 0


def test_images_are_corrupted_in_one_way_and_remain_similar(digits):
    images = np.concatenate([digits[0]] * 2)
    result = corrupted(images)
    assert result.dtype == np.uint8 and result.shape == images.shape
    assert result.tobytes() == corrupted(images).tobytes()
    same, other = (
        np.corrcoef(result[i].ravel(), images[j].ravel())[0, 1] for i, j in ((3, 3), (3, 4))
    )
    assert 0.5 < same < 0.999 and other < same
