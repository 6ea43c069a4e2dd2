"""Images of any mode, converted to 8-bit gray levels with little memory."""

from collections.abc import Callable, Iterator
from itertools import product

import numpy as np
from PIL import Image, ImageStat

TILE = 1024  # pixels; NumPy processes squares of this side, because it needs 30 bytes per pixel
COLOR_MODES = ("RGB", "P", "CMYK", "YCbCr", "LAB")
COLORFUL = 2  # times the standard deviation of the brightness: a color difference has more contrast

Box = tuple[int, int, int, int]


def gray_levels(image: Image.Image) -> Image.Image:
    """Convert an image to mode ``L``.

    Values of more than 8 bits are scaled; Pillow would clip them. Transparent pixels become white,
    or black if the other pixels are light.
    """
    if image.mode.startswith("I;16"):
        return _from_tiles(image, lambda values: values >> 8)
    if image.mode in ("I", "F"):
        return _scaled(image)
    if image.has_transparency_data:
        return _on_paper(image)
    # Pillow converts LAB only to RGB.
    return (image.convert("RGB") if image.mode == "LAB" else image).convert("L")


def opaque_colors(image: Image.Image) -> Image.Image | None:
    """The image in mode ``RGB``, or None if it is gray or has transparent pixels."""
    if image.mode == "RGBA" and image.getchannel("A").getextrema() == (255, 255):
        return image.convert("RGB")
    if image.mode not in COLOR_MODES or image.has_transparency_data:
        return None
    return image if image.mode == "RGB" else image.convert("RGB")


def most_contrast(image: Image.Image) -> Image.Image:
    """The brightness of an image of mode ``RGB``, or a color difference of much more contrast.

    The color differences are Cb and Cr: how blue and how red a pixel is.
    """
    brightness, *differences = image.convert("YCbCr").split()
    contrasts = [ImageStat.Stat(each).stddev[0] for each in (brightness, *differences)]
    if COLORFUL * contrasts[0] > max(contrasts):
        return brightness
    return differences[int(np.argmax(contrasts[1:]))]


def _scaled(image: Image.Image) -> Image.Image:
    """Scale the lowest value to 0 and the highest to 255; NaN becomes 0."""
    low, high = np.inf, -np.inf
    for _, values in _tiles(image):
        finite = values.astype(np.float32)
        finite = finite[np.isfinite(finite)]
        if finite.size:
            low, high = min(low, float(finite.min())), max(high, float(finite.max()))
    if low > high:
        return Image.new("L", image.size)

    def scale(values: np.ndarray) -> np.ndarray:
        numbers = np.nan_to_num(values.astype(np.float32), nan=low, posinf=high, neginf=low)
        return ((numbers - low) * (255 / (high - low or 1))).clip(0, 255)

    return _from_tiles(image, scale)


def _from_tiles(image: Image.Image, convert: Callable[[np.ndarray], np.ndarray]) -> Image.Image:
    gray = Image.new("L", image.size)
    for box, values in _tiles(image):
        gray.paste(Image.fromarray(convert(values).astype(np.uint8)), box)
    return gray


def _tiles(image: Image.Image) -> Iterator[tuple[Box, np.ndarray]]:
    for left, top in product(range(0, image.width, TILE), range(0, image.height, TILE)):
        box = left, top, min(left + TILE, image.width), min(top + TILE, image.height)
        yield box, np.asarray(image.crop(box))


def _on_paper(image: Image.Image) -> Image.Image:
    rgba = image if image.mode in ("RGBA", "LA") else image.convert("RGBA")
    gray, alpha = rgba.convert("L"), rgba.getchannel("A")
    counts = gray.histogram(alpha.point(lambda level: 255 * (level > 127)))  # of opaque pixels
    opaque = sum(counts)
    mean = sum(level * count for level, count in enumerate(counts)) / (opaque or 1)
    on_paper = Image.new("L", image.size, 0 if mean > 127 else 255)
    on_paper.paste(gray, mask=alpha)
    return on_paper
