"""Image files become inputs of a model: centered like MNIST's digits, or only scaled."""

import numpy as np
import pytest
from PIL import Image, ImageDraw
from scipy import ndimage

from src.ingest.catalog import DRAWINGS
from src.pictures.convert import Conversion, convert
from src.pictures.decode import PictureError
from tests.fixtures.image_folders import encoded

MNIST = (28, 28)
UNCHANGED = Conversion(center_like_mnist=False, light_on_dark=False)
INVERTED = Conversion(center_like_mnist=False, light_on_dark=True)


def seven(size=(300, 400), paper=255, ink=0, mode="L") -> Image.Image:
    image = Image.new(mode, size, paper)
    width, height = size
    corners = [(0.25 * width, 0.2 * height), (0.7 * width, 0.2 * height), (0.4 * width, height)]
    corners[2] = (0.4 * width, 0.8 * height)
    ImageDraw.Draw(image).line(corners, ink, width // 12, joint="curve")
    return image


def test_dark_on_light_and_light_on_dark_are_the_same_digit():
    dark = convert(encoded(seven()), MNIST, DRAWINGS)
    light = convert(encoded(seven(paper=0, ink=255)), MNIST, DRAWINGS)
    np.testing.assert_array_equal(dark.image, light.image)
    assert dark.note == "dark on light, 300×400: scaled and centered like MNIST"
    assert light.note.startswith("light on dark")
    assert dark.image.dtype == np.uint8 and dark.image.shape == MNIST
    rows, columns = np.nonzero(dark.image)
    assert np.ptp(rows) + 1 == 20 and np.ptp(columns) + 1 < 20


DRAWN = {
    "large": ("JPEG", seven((3000, 4000))),
    "equally bright": ("JPEG", seven(mode="RGB", paper=(60, 150, 60), ink=(230, 76, 60))),
    "yellow": ("PNG", seven(mode="RGB", paper=(255, 255, 255), ink=(240, 240, 0))),
    "transparent": ("PNG", seven(mode="RGBA", paper=(0, 0, 0, 0), ink=(0, 0, 0, 255))),
    "white ink": ("PNG", seven(mode="RGBA", paper=(255, 255, 255, 0), ink=(255, 255, 255, 255))),
    "1 bit": ("PNG", seven(mode="1", paper=1, ink=0)),
    "faint": ("PNG", seven(paper=140, ink=90)),
}


@pytest.mark.parametrize(("kind", "image"), DRAWN.values(), ids=DRAWN)
def test_format_size_and_colors_do_not_change_the_digit(kind, image):
    expected = convert(encoded(seven()), MNIST, DRAWINGS).image.astype(int)
    image = convert(encoded(image, kind), MNIST, DRAWINGS).image
    assert np.abs(image - expected).mean() < 8


def dusty(photo: np.ndarray) -> np.ndarray:
    photo = photo.copy()
    photo[5:8, 5:8] = photo[390:393, 290:293] = 0
    return photo


def on_desk(photo: np.ndarray) -> np.ndarray:
    photo = np.pad(photo, 30, constant_values=40)
    return np.asarray(Image.fromarray(photo).rotate(4, Image.Resampling.BILINEAR, fillcolor=40))


@pytest.mark.parametrize(
    "photographed",
    [
        lambda photo: photo * np.linspace(0.3, 1, photo.shape[1]),
        lambda photo: photo * np.where(np.arange(photo.shape[1]) < 140, 0.5, 1),
        lambda photo: (265 - photo / 2) * np.linspace(0.3, 1, photo.shape[0])[:, None],
        on_desk,
        lambda photo: on_desk(photo)[60:, 60:],
        lambda photo: np.pad(photo, 5),
        dusty,
        lambda photo: photo * np.where(np.arange(photo.shape[0]) < 150, 1, 0.85)[:, None],
        lambda photo: photo[75:330, 70:220],
        lambda photo: photo[75:330, 70:220] * np.linspace(0.6, 1, 150),
    ],
    ids=[
        *("shadow", "edge of a shadow", "white ink", "desk", "desk on two sides", "frame", "dust"),
        *("brighter upper half", "no margin", "no margin, shadow"),
    ],
)
def test_a_photograph_shows_the_same_digit_as_a_clean_image(photographed):
    expected = convert(encoded(seven()), MNIST, DRAWINGS).image
    photo = photographed(np.asarray(seven(paper=230, ink=30))).astype(np.uint8)
    image = convert(encoded(photo), MNIST, DRAWINGS).image
    # Blurred, because a turned or shifted stroke is the same stroke.
    blurred = (ndimage.gaussian_filter(each.astype(float), 2) for each in (image, expected))
    assert np.abs(np.subtract(*blurred)).mean() < 8


@pytest.mark.parametrize("pen", [20, 60])
def test_a_white_zero_is_not_taken_for_paper(pen):
    zero = Image.new("L", (200, 240))
    ImageDraw.Draw(zero).ellipse((10, 10, 190, 230), outline=255, width=pen)
    picture = convert(encoded(zero), MNIST, DRAWINGS)
    assert picture.note.startswith("light on dark")
    assert picture.image[14, 14] == 0


def test_an_image_like_those_of_the_dataset_is_not_changed(digits):
    for image in digits[0][:50]:
        for content in (image, 255 - image):
            picture = convert(encoded(content), MNIST, DRAWINGS)
            np.testing.assert_array_equal(picture.image, image)
    assert picture.note == "dark on light, 28×28: centered like MNIST"


@pytest.mark.parametrize(
    "changed",
    [
        lambda image: np.roll(image, (4, -3), (0, 1)),
        lambda image: image // 3,
        lambda image: image // 2 + 90,
        lambda image: np.asarray(Image.fromarray(image).resize((14, 14))),
        lambda image: np.asarray(Image.fromarray(image[4:24, 4:24]).resize((28, 28))),
    ],
    ids=["off center", "faint", "on gray", "small", "too large"],
)
def test_a_small_picture_is_centered_like_a_large_one(digits, changed):
    differences = []
    for image in digits[0][:50]:
        picture = convert(encoded(changed(image)), MNIST, DRAWINGS)
        differences.append(np.abs(picture.image.astype(int) - image).mean())
        assert picture.image.max() == 255
    assert np.mean(differences) < 15


def test_an_empty_picture_is_refused_only_if_it_is_to_be_centered():
    content = encoded(np.full((90, 90), 77, np.uint8))
    with pytest.raises(PictureError, match=r"^is empty: all pixels have nearly the same"):
        convert(content, MNIST, DRAWINGS)
    assert convert(content, MNIST, UNCHANGED).image.shape == MNIST


def test_an_image_keeps_its_proportions_and_gets_the_color_of_its_background():
    wide = np.full((30, 60), 200, np.uint8)
    wide[5:25, 5:55] = 90
    picture = convert(encoded(wide), (40, 20), UNCHANGED)
    assert picture.note == "60×30: scaled to fit"
    (rows,) = np.nonzero((picture.image < 150).any(1))
    (columns,) = np.nonzero((picture.image < 150).any(0))
    assert (picture.image[:14] == 200).all() and (picture.image[-14:] == 200).all()
    assert 6 <= len(rows) <= 7 and 16 <= len(columns) <= 17
    assert rows[0] + rows[-1] == 39 and columns[0] + columns[-1] == 19


@pytest.mark.parametrize("size", [(20, 20), (50, 70)])
def test_only_dark_images_on_light_are_inverted(size):
    dark, light = np.full(size, 250, np.uint8), np.full(size, 5, np.uint8)
    dark[8:12, 8:12], light[8:12, 8:12] = 10, 245
    expected = convert(encoded(light), (20, 20), UNCHANGED)
    inverted = convert(encoded(dark), (20, 20), INVERTED)
    np.testing.assert_array_equal(inverted.image, expected.image)
    assert inverted.note.startswith("dark on light, ")
    kept = convert(encoded(light), (20, 20), INVERTED)
    np.testing.assert_array_equal(kept.image, expected.image)


@pytest.mark.parametrize("size", [(1, 1), (1, 900), (2000, 1500)])
@pytest.mark.parametrize("shape", [(1, 1), (512, 3)])
def test_any_size_is_scaled_to_any_shape(size, shape):
    image = convert(encoded(np.full(size, 70, np.uint8)), shape, INVERTED).image
    assert image.dtype == np.uint8
    np.testing.assert_array_equal(image, np.full(shape, 70))
