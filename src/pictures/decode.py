"""Image files of the usual formats and of any mode, read as 8-bit gray levels."""

import warnings
from collections.abc import Iterable
from contextlib import suppress
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, ImageStat

from src.common.errors import PipelineError

FORMATS = ("PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP", "HEIF", "AVIF")
FORMAT_NAMES = "PNG, JPEG, GIF, BMP, TIFF, WebP, HEIC or AVIF"
SUFFIXES = (
    *(".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".gif", ".bmp", ".tif", ".tiff", ".webp"),
    *(".heic", ".heif", ".hif", ".avif"),
)
DEEP_SUFFIXES = (".png", ".tif", ".tiff")  # of files that can have 16 bits per pixel
DEPTHS = (8, 10, 12, 14, 16)  # bits per pixel that cameras and scanners use
MAX_BYTES = 20_000_000
MAX_PIXELS = 64_000_000  # Pillow needs up to 18 bytes of memory for each
SMALLER = "; use a smaller image"
COLOR_MODES = ("RGB", "P", "CMYK", "YCbCr", "LAB")
COLORFUL = 2  # times the standard deviation of the brightness: a color difference has more contrast
# Pillow refuses an image with more than twice this number, and only warns below.
Image.MAX_IMAGE_PIXELS = MAX_PIXELS // 2
warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)


class PictureError(PipelineError):
    """Why an image file cannot be used; the reader of the message knows which file it is."""


def read_content(path: Path) -> bytes:
    """Read a file, but not much more than ``decode`` accepts; a PictureError if this fails."""
    try:
        with path.open("rb") as file:
            return file.read(MAX_BYTES + 1)
    except OSError as error:
        raise PictureError(f"cannot be read: {error.strerror}") from None


def depth_of(paths: Iterable[str]) -> int | None:
    """The bits, one of ``DEPTHS``, that the largest value in all gray images of 16 bits needs.

    None if there is no such image. Many programs store 8 or 12 bits in files of 16 bits.
    """
    largest = -1
    for path in paths:
        if path.lower().endswith(DEEP_SUFFIXES):
            with suppress(Exception), Image.open(path, formats=FORMATS) as file:  # see ``decode``
                if file.mode.startswith("I;16"):
                    largest = max(largest, int(np.array(file).max()))
    return None if largest < 0 else next(bits for bits in DEPTHS if largest < 1 << bits)


def decode(
    content: bytes, side: int, by_color: bool = False, bits: int = 16
) -> tuple[np.ndarray, str]:
    """Decode the first page or frame of an image file, turned upright as its EXIF data says.

    Transparent pixels become white, or black if the other pixels are light. The values of 32-bit
    integers and floating-point numbers have no usual range: the lowest becomes 0 and the highest
    255.

    Args:
        side: pixels; an image with a longer side is reduced to it.
        by_color: whether colors of equal brightness get different gray levels in a flat image.
        bits: of a gray image of 16 bits, those that are used; the 8 highest of them remain.

    Returns:
        ``uint8 [H, W]``, and the size in the file: ``width×height``.

    Raises:
        PictureError: the file has another format, is damaged, or is too large.
    """
    if not content:
        raise PictureError("is an empty file")
    if len(content) > MAX_BYTES:
        raise PictureError(f"is larger than {MAX_BYTES / 1e6:.0f} MB{SMALLER}")
    if content[4:8] == b"ftyp":  # the formats of phones; the import takes time
        from pillow_heif import register_heif_opener

        register_heif_opener()
    try:
        with Image.open(BytesIO(content), formats=FORMATS) as file:
            size = f"{file.width}×{file.height}"
            file.draft("RGB" if by_color else "L", (side, side))  # a JPEG decoder reduces the size
            return _gray(file, side, by_color, bits), size
    except Image.DecompressionBombError:
        many = f"has more than {MAX_PIXELS / 1e6:.0f} million pixels"
        raise PictureError(f"{many}{SMALLER}") from None
    except Exception:  # Pillow raises ten kinds of errors for damaged files
        raise PictureError("cannot be read as an image") from None


def _gray(file: Image.Image, side: int, by_color: bool, bits: int) -> np.ndarray:
    ImageOps.exif_transpose(file, in_place=True)
    colored = _opaque_colors(file) if by_color else None
    image = colored or _gray_levels(file, bits)
    image.thumbnail((side, side))
    return np.asarray(_most_contrast(image) if colored else image)


def _gray_levels(image: Image.Image, bits: int) -> Image.Image:
    """Convert an image to mode ``L``. Pillow would clip values of more than 8 bits."""
    if image.mode.startswith("I;16"):
        return Image.fromarray(np.minimum(np.array(image) >> (bits - 8), 255).astype(np.uint8))
    if image.mode in ("I", "F"):
        return _scaled(image)
    if image.has_transparency_data:
        return _on_paper(image)
    # Pillow converts LAB only to RGB.
    return (image.convert("RGB") if image.mode == "LAB" else image).convert("L")


def _scaled(image: Image.Image) -> Image.Image:
    """Scale the lowest value to 0 and the highest to 255; NaN becomes 0."""
    values = np.array(image).astype(np.float32)
    finite = values[np.isfinite(values)]
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 0.0)
    values = np.nan_to_num(values, nan=low, posinf=high, neginf=low)
    levels = (values - low) * (255 / (high - low or 1))
    return Image.fromarray(levels.clip(0, 255).astype(np.uint8))


def _on_paper(image: Image.Image) -> Image.Image:
    """Replace transparent pixels by white, or by black if the other pixels are light."""
    rgba = image if image.mode in ("RGBA", "LA") else image.convert("RGBA")
    gray, alpha = rgba.convert("L"), rgba.getchannel("A")
    opaque = ImageStat.Stat(gray, alpha.point(lambda level: 255 * (level > 127)))
    is_light = opaque.sum[0] > 127 * opaque.count[0]
    on_paper = Image.new("L", image.size, 0 if is_light else 255)
    on_paper.paste(gray, mask=alpha)
    return on_paper


def _opaque_colors(image: Image.Image) -> Image.Image | None:
    """The image in mode ``RGB``, or None if it is gray or has transparent pixels."""
    is_opaque = image.mode == "RGBA" and image.getchannel("A").getextrema() == (255, 255)
    if is_opaque or (image.mode in COLOR_MODES and not image.has_transparency_data):
        return image.convert("RGB")
    return None


def _most_contrast(image: Image.Image) -> Image.Image:
    """The brightness of an image of mode ``RGB``, or a color difference of much more contrast.

    The color differences are Cb and Cr: how blue and how red a pixel is.
    """
    brightness, *differences = image.convert("YCbCr").split()
    contrasts = [ImageStat.Stat(band).stddev[0] for band in (brightness, *differences)]
    if COLORFUL * contrasts[0] > max(contrasts):
        return brightness
    return differences[int(np.argmax(contrasts[1:]))]
