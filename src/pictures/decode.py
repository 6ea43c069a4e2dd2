"""Image files of the usual formats, read as gray levels."""

import struct
import warnings
from io import BytesIO
from pathlib import Path
from threading import Lock

import numpy as np
from PIL import Image, ImageOps

from src.common.errors import PipelineError

FORMATS = ("PNG", "JPEG", "BMP", "TIFF", "WEBP")
FORMAT_NAMES = "PNG, JPEG, BMP, TIFF or WebP"
MAX_BYTES = 20_000_000
# What Pillow raises for damaged files of these formats, apart from errors of reading.
DAMAGED = (
    *(SyntaxError, TypeError, LookupError, AttributeError, ArithmeticError, RuntimeError),
    *(EOFError, struct.error, MemoryError),
)
# `catch_warnings` changes a setting of the whole process, so only one thread at a time can use it.
_opening = Lock()


class PictureError(PipelineError):
    """An image file that cannot be used."""

    def __init__(self, name: str, reason: str, remedy: str = ""):
        super().__init__(f"{name} {reason}" + (f"; {remedy}" if remedy else ""))
        self.reason = reason


def read_content(path: Path) -> bytes:
    """Read a file, but not much more than ``decode`` accepts.

    Raises:
        PictureError: the file cannot be read.
    """
    try:
        with path.open("rb") as file:
            return file.read(MAX_BYTES + 1)
    except OSError as error:
        raise PictureError(str(path), f"cannot be read: {error.strerror}") from None


def decode(content: bytes, name: str, side: int) -> tuple[np.ndarray, str]:
    """Decode the first page of an image file, turned upright as its EXIF data says.

    Transparent pixels become white, or black if the other pixels are light. 16 bits are reduced to
    the 8 higher ones. The values of 32-bit integers and floating-point numbers have no usual range:
    the lowest becomes 0 and the highest 255.

    Args:
        name: for messages.
        side: pixels; an image with a longer side is reduced to it.

    Returns:
        ``uint8 [H, W]``, and the size in the file: ``width×height``.

    Raises:
        PictureError: the file has another format, is damaged, or is too large.
    """
    if not content:
        raise PictureError(name, "is an empty file")
    if len(content) > MAX_BYTES:
        limit = MAX_BYTES // 1_000_000
        raise PictureError(name, f"is larger than {limit} MB", "use a smaller image")
    remedy = f"use a complete {FORMAT_NAMES} file"
    try:
        with _opened(content) as file:
            size = f"{file.width}×{file.height}"
            return _gray(file, side), size
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        most = f"{(Image.MAX_IMAGE_PIXELS or 0) // 1_000_000} million pixels"
        raise PictureError(name, f"has more than {most}", "use a smaller image") from None
    except (OSError, ValueError) as error:
        reason = f"cannot be read as an image ({type(error).__name__})"
        raise PictureError(name, reason, remedy) from None
    except DAMAGED:
        raise PictureError(name, "is a damaged image file", remedy) from None


def _opened(content: bytes) -> Image.Image:
    """Read the header; an image with too many pixels is an error."""
    with (
        _opening,
        warnings.catch_warnings(action="error", category=Image.DecompressionBombWarning),
    ):
        return Image.open(BytesIO(content), formats=FORMATS)


def _gray(file: Image.Image, side: int) -> np.ndarray:
    file.draft("L", (side, side))  # the JPEG decoder can reduce the size itself
    gray = _without_transparency(_in_8_bits(ImageOps.exif_transpose(file)))
    gray.thumbnail((side, side))
    return np.asarray(gray)


def _in_8_bits(image: Image.Image) -> Image.Image:
    """Scale values of more than 8 bits, which Pillow would clip."""
    if image.mode.startswith("I;16"):
        return Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
    if image.mode not in ("I", "F"):
        return image
    values = np.asarray(image).astype(np.float32)
    finite = values[np.isfinite(values)]
    if not finite.size:
        return Image.new("L", image.size)
    low, high = float(finite.min()), float(finite.max())
    values = np.nan_to_num(values, nan=low, posinf=high, neginf=low)
    scaled = (values - low) * (255 / (high - low or 1))
    return Image.fromarray(scaled.clip(0, 255).astype(np.uint8))


def _without_transparency(image: Image.Image) -> Image.Image:
    if not image.has_transparency_data:
        # Pillow converts LAB only to RGB.
        return (image.convert("RGB") if image.mode == "LAB" else image).convert("L")
    rgba = image.convert("RGBA")
    gray, alpha = rgba.convert("L"), rgba.getchannel("A")
    opaque = np.asarray(gray)[np.asarray(alpha) > 127]
    paper = 0 if opaque.size and opaque.mean() > 127 else 255
    return Image.composite(gray, Image.new("L", rgba.size, paper), alpha)
