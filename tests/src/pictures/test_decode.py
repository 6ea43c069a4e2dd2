"""Image files of any format and mode are read as gray levels, or refused with a message."""

import struct
import zlib

import numpy as np
import pytest
from PIL import Image
from pillow_heif import register_heif_opener

from src.pictures.decode import MAX_BYTES, PictureError, decode, read_content
from tests.fixtures.image_folders import encoded

register_heif_opener()  # to write such files, too
KINDS = ("PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP", "HEIF", "AVIF")
RAMP = np.tile(np.arange(0, 256, 4, np.uint8), (32, 1))  # [32, 64]


def palette() -> Image.Image:
    image = Image.fromarray(RAMP // 4, "P")
    image.putpalette([4 * level for level in range(64) for _ in "RGB"])
    return image


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_formats_are_read(kind, mode):
    gray, size = decode(encoded(Image.fromarray(RAMP).convert(mode), kind), 1000)
    assert size == "64×32" and gray.dtype == np.uint8 and gray.shape == (32, 64)
    assert np.abs(gray.astype(int) - RAMP).max() <= 12


MODES = {
    "LA": ("PNG", Image.fromarray(RAMP).convert("LA")),
    "RGBA": ("PNG", Image.fromarray(RAMP).convert("RGBA")),
    "P": ("PNG", palette()),
    "I;16": ("PNG", Image.fromarray(RAMP.astype(np.uint16) * 257)),
    "I;16B": ("TIFF", Image.fromarray((RAMP.astype(np.uint16) * 257).astype(">u2"))),
    "I": ("TIFF", Image.fromarray(RAMP.astype(np.int32) * 9_000 - 70_000)),
    "F": ("TIFF", Image.fromarray(RAMP.astype(np.float32) / 255)),
    "CMYK": ("TIFF", Image.fromarray(RAMP).convert("RGB").convert("CMYK")),
    "YCbCr": ("TIFF", Image.fromarray(RAMP).convert("RGB").convert("YCbCr")),
}


@pytest.mark.parametrize(("kind", "image"), MODES.values(), ids=MODES)
def test_modes_are_scaled_and_not_clipped(kind, image):
    gray, _ = decode(encoded(image, kind), 1000)
    # The lowest value of 32 bits becomes 0 and the highest, here 252, becomes 255.
    assert np.abs(gray.astype(int) - RAMP).max() <= 3


def test_numbers_that_are_not_finite_are_dark_or_light():
    image = np.array([[np.nan, 1, 3], [np.inf, -np.inf, 2]], np.float32)
    gray, _ = decode(encoded(image, "TIFF"), 1000)
    np.testing.assert_array_equal(gray, [[0, 0, 255], [255, 0, 127]])
    for level in (np.nan, 0, 0.5, 1e30):
        gray, _ = decode(encoded(np.full((2, 2), level, np.float32), "TIFF"), 1000)
        np.testing.assert_array_equal(gray, 0)


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_transparent_pixels_differ_from_the_others(mode):
    image = np.full((9, 9, 4), 40, np.uint8)
    image[..., 3] = 0
    image[3:6, 3:6, 3] = 255  # a dark square on transparent paper of the same color
    dark = Image.fromarray(image).convert(mode)
    gray, _ = decode(encoded(dark), 1000)
    assert gray[0, 0] == 255 and gray[4, 4] == 40
    light = Image.merge(mode, [band.point(lambda v: v + 180) for band in dark.split()[:-1]] +
                        [dark.getchannel("A")])  # fmt: skip
    gray, _ = decode(encoded(light), 1000)
    assert gray[0, 0] == 0 and gray[4, 4] == 220


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "WEBP", "AVIF"])
def test_a_rotated_image_is_turned_upright(kind):
    exif = Image.Exif()
    exif[0x0112] = 6  # rotate by 270°
    gray, _ = decode(encoded(RAMP, kind, exif=exif), 1000)
    assert gray.shape == (64, 32)
    assert gray[0].mean() < 10 and gray[-1].mean() > 240


@pytest.mark.parametrize("kind", ["TIFF", "GIF"])
def test_the_first_page_or_frame_is_used(kind):
    pages = [Image.fromarray(RAMP), Image.fromarray(255 - RAMP)]
    gray, _ = decode(encoded(pages[0], kind, save_all=True, append_images=pages[1:]), 99)
    np.testing.assert_array_equal(gray, RAMP)


@pytest.mark.parametrize("mode", ["RGB", "P", "RGBA", "CMYK"])
def test_colors_of_equal_brightness_differ_if_wanted(mode):
    colors = np.where(RAMP[..., None] > 126, (230, 76, 60), (60, 150, 60)).astype(np.uint8)
    colored, kind = Image.fromarray(colors), "TIFF" if mode == "CMYK" else "PNG"
    image = colored.quantize(2) if mode == "P" else colored.convert(mode)
    content = encoded(image, kind)
    assert np.ptp(decode(content, 1000)[0]) < 10
    gray, _ = decode(content, 1000, by_color=True)
    assert np.ptp(gray) > 60
    ramp = encoded(Image.fromarray(RAMP).convert("RGB"))
    assert np.abs(decode(ramp, 1000, by_color=True)[0].astype(int) - RAMP).max() <= 1


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_a_large_image_is_reduced(kind):
    large = Image.fromarray(RAMP).resize((2560, 1280))
    gray, size = decode(encoded(large, kind), 64)
    assert size == "2560×1280" and gray.shape == (32, 64)
    assert np.abs(gray.astype(int) - RAMP).max() <= 6


def bomb(side: int) -> bytes:
    """A PNG file of side² pixels in about a hundred bytes."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        code = zlib.crc32(kind + content)
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", code)

    head = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", b"") + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    ("content", "named"),
    [
        (b"", "is an empty file"),
        (b"no image", "cannot be read as an image"),
        (encoded(RAMP)[:-30] + b"x" * 30, "cannot be read as an image"),
        (encoded(RAMP, "JPEG")[:-200], "cannot be read as an image"),
        (encoded(RAMP, "PPM"), "cannot be read as an image"),
        (b"\0" * (MAX_BYTES + 1), "larger than 20 MB"),
        (bomb(8_001), "more than 64 million pixels"),
    ],
    ids=lambda value: value if isinstance(value, str) else "file",
)
def test_a_file_that_cannot_be_used_gives_a_message_of_one_line(content, named):
    with pytest.raises(PictureError, match=named) as refused:
        decode(content, 1000)
    assert "\n" not in str(refused.value)


def test_no_more_of_a_file_is_read_than_needed(tmp_path):
    path = tmp_path / "large.png"
    with path.open("wb") as file:
        file.truncate(10 * MAX_BYTES)
    assert len(read_content(path)) == MAX_BYTES + 1
    with pytest.raises(PictureError, match="cannot be read: No such file"):
        read_content(tmp_path / "missing.png")
