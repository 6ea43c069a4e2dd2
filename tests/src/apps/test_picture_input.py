"""Image files become images like those of MNIST, or are refused with a message."""

import struct
import zlib
from io import BytesIO

import numpy as np
import pytest
from PIL import Image, ImageDraw

from src.apps import picture_input
from src.common.errors import PipelineError

MNIST = (28, 28)


def encoded(image, kind="PNG", **options) -> bytes:
    if isinstance(image, np.ndarray):
        image = Image.fromarray(image)
    file = BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def seven(size=(300, 400), paper=255, ink=0, mode="L") -> Image.Image:
    image = Image.new(mode, size, paper)
    width, height = size
    corners = [(0.25 * width, 0.2 * height), (0.7 * width, 0.2 * height), (0.4 * width, height)]
    corners[2] = (0.4 * width, 0.8 * height)
    ImageDraw.Draw(image).line(corners, ink, width // 12, joint="curve")
    return image


def test_dark_on_light_and_light_on_dark_are_the_same_digit():
    dark = picture_input.read(encoded(seven()), "seven.png", MNIST)
    light = picture_input.read(encoded(seven(paper=0, ink=255)), "seven.png", MNIST)
    np.testing.assert_array_equal(dark.image, light.image)
    assert dark.note == "dark on light, 300×400: scaled and centered like MNIST"
    assert light.note.startswith("light on dark")
    assert dark.image.dtype == np.uint8 and dark.image.shape == MNIST
    rows, columns = np.nonzero(dark.image)
    assert np.ptp(rows) + 1 == 20 and np.ptp(columns) + 1 < 20


@pytest.mark.parametrize(
    ("kind", "image"),
    [
        ("JPEG", seven()),
        ("JPEG", seven((3000, 4000))),
        ("PNG", seven(mode="RGB", paper=(240, 230, 200), ink=(20, 20, 90))),
        ("PNG", seven(mode="RGBA", paper=(0, 0, 0, 0), ink=(0, 0, 0, 255))),
        ("PNG", seven(mode="RGBA", paper=(255, 255, 255, 0), ink=(255, 255, 255, 255))),
        ("PNG", seven(mode="1", paper=1, ink=0)),
        ("PNG", Image.fromarray(np.asarray(seven()).astype(np.uint16) * 257)),
        ("PNG", seven(paper=140, ink=90)),
    ],
    ids=["jpeg", "large", "colour", "transparent", "white ink", "1 bit", "16 bits", "faint"],
)
def test_format_size_and_colors_do_not_change_the_digit(kind, image):
    expected = picture_input.read(encoded(seven()), "seven", MNIST).image.astype(int)
    image = picture_input.read(encoded(image, kind), "seven", MNIST).image
    assert np.abs(image - expected).mean() < 8


def test_shadow_and_dust_of_a_photograph_are_removed():
    clean = np.asarray(seven()).astype(float)
    shadow = np.linspace(0.85, 1, clean.shape[1])
    dusty = clean * shadow
    dusty[5:8, 5:8] = dusty[390:393, 290:293] = 0
    image = picture_input.read(encoded(dusty.astype(np.uint8)), "photo.png", MNIST).image
    expected = picture_input.read(encoded(seven()), "seven", MNIST).image
    assert np.abs(image.astype(int) - expected).mean() < 6


def test_a_rotated_image_is_turned_upright():
    turned = seven().transpose(Image.Transpose.ROTATE_90)
    exif = Image.Exif()
    exif[0x0112] = 6  # rotate by 270°
    image = picture_input.read(encoded(turned, "JPEG", exif=exif), "phone.jpg", MNIST).image
    expected = picture_input.read(encoded(seven()), "seven", MNIST).image
    assert np.abs(image.astype(int) - expected).mean() < 6


def test_a_thin_stroke_is_not_faint():
    thin = Image.new("L", (600, 600), 255)
    ImageDraw.Draw(thin).line([(300, 60), (300, 540)], 0, 3)
    assert picture_input.read(encoded(thin), "thin.png", MNIST).image.max() == 255


def test_an_image_of_the_models_input_size_is_not_scaled(digits):
    image = digits[0][7]
    light = picture_input.read(encoded(image), "7.png", MNIST)
    dark = picture_input.read(encoded(255 - image), "7.png", MNIST)
    np.testing.assert_array_equal(light.image, image)
    np.testing.assert_array_equal(dark.image, image)
    assert dark.note == "dark on light, 28×28: not scaled"


def bomb(side: int) -> bytes:
    """A PNG file of side² pixels in about a hundred bytes."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        code = zlib.crc32(kind + content)
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", code)

    head = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", b"") + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    ("content", "shape", "named"),
    [
        (b"", MNIST, "it.png is an empty file"),
        (b"no image", MNIST, "cannot be read as an image"),
        (encoded(seven())[:200], MNIST, "cannot be read as an image|damaged"),
        (encoded(seven())[:-30] + b"x" * 30, MNIST, "cannot be read as an image|damaged|is empty"),
        (encoded(seven(), "GIF"), MNIST, "PNG or JPEG"),
        (encoded(Image.new("L", (90, 90), 77)), MNIST, "it.png is empty: "),
        (b"\0" * (picture_input.MAX_BYTES + 1), MNIST, "larger than 20 MB"),
        (bomb(10_000), MNIST, "million pixels"),
        (bomb(30_000), MNIST, "million pixels"),
        (encoded(seven()), (32, 30), "the model needs 30×32"),
    ],
    ids=["empty", "text", "cut", "altered", "gif", "blank", "long", "bomb", "large bomb", "size"],
)
def test_a_file_that_cannot_be_used_gives_a_message_of_one_line(content, shape, named):
    with pytest.raises(PipelineError, match=named) as refused:
        picture_input.read(content, "it.png", shape)
    assert "\n" not in str(refused.value)
