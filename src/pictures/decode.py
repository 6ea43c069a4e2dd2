"""Image files of the usual formats, read as gray levels."""

import struct
import warnings
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path
from threading import Lock

import numpy as np
from PIL import Image, ImageOps

from src.common.errors import PipelineError
from src.pictures.gray_levels import gray_levels, most_contrast, opaque_colors

FORMATS = ("PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP")
FORMAT_NAMES = "PNG, JPEG, GIF, BMP, TIFF or WebP"
MAX_BYTES = 20_000_000
MAX_PIXELS = 64_000_000  # Pillow needs up to 11 bytes of memory for each
MAX_WEBP_PIXELS = 25_000_000  # here up to 18 bytes
# The decoder visits all pixels in each scan of a JPEG file; usual files have at most 10 scans.
MAX_SCANS, SCAN = 100, b"\xff\xda"
LARGE_PIXELS = 4_000_000  # an image with more is decoded alone
# What Pillow raises for damaged files of these formats, apart from errors of reading.
DAMAGED = (
    *(SyntaxError, TypeError, LookupError, AttributeError, ArithmeticError, RuntimeError),
    *(EOFError, AssertionError, struct.error, MemoryError),
)
# `catch_warnings` changes a setting of the whole process, so only one thread at a time can use it.
_opening = Lock()
# A single thread for all large images: each thread keeps a part of the memory that it has used.
_large_images = ThreadPoolExecutor(1, "large-image")


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


def decode(content: bytes, name: str, side: int, by_color: bool = False) -> tuple[np.ndarray, str]:
    """Decode the first page or frame of an image file, turned upright as its EXIF data says.

    Transparent pixels become white, or black if the other pixels are light. 16 bits are reduced to
    the 8 higher ones. The values of 32-bit integers and floating-point numbers have no usual range:
    the lowest becomes 0 and the highest 255. In all threads together, only one image with more than
    ``LARGE_PIXELS`` is decoded at a time.

    Args:
        name: for messages.
        side: pixels; an image with a longer side is reduced to it.
        by_color: whether colors of equal brightness get different gray levels, if the image would
            otherwise have little contrast.

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
            _check_work(file, content, name)
            if _decoded_pixels(file, side, by_color) > LARGE_PIXELS:
                return _large_images.submit(_gray, file, side, by_color).result(), size
            return _gray(file, side, by_color), size
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise _too_many_pixels(name, MAX_PIXELS) from None
    except (OSError, ValueError):
        raise PictureError(name, "cannot be read as an image", remedy) from None
    except DAMAGED:
        raise PictureError(name, "is a damaged image file", remedy) from None


def _opened(content: bytes) -> Image.Image:
    """Read the header; an image with too many pixels is an error."""
    with (
        _opening,
        warnings.catch_warnings(action="error", category=Image.DecompressionBombWarning),
    ):
        return Image.open(BytesIO(content), formats=FORMATS)


def _check_work(file: Image.Image, content: bytes, name: str) -> None:
    """Refuse a file that needs too much memory or time to decode."""
    if file.format == "JPEG" and content.count(SCAN) > MAX_SCANS:
        raise PictureError(name, f"has more than {MAX_SCANS} scans", "save it again")
    limit = MAX_WEBP_PIXELS if file.format == "WEBP" else MAX_PIXELS
    if file.width * file.height > limit:
        raise _too_many_pixels(name, limit)


def _too_many_pixels(name: str, limit: int) -> PictureError:
    most = f"{limit // 1_000_000} million pixels"
    return PictureError(name, f"has more than {most}", "use a smaller image")


def _decoded_pixels(file: Image.Image, side: int, by_color: bool) -> int:
    """The number of pixels for which the decoder needs memory."""
    pixels = file.width * file.height
    # The JPEG decoder can reduce the size itself.
    file.draft("RGB" if by_color else "L", (side, side))
    return pixels if file.info.get("progressive") else file.width * file.height


def _gray(file: Image.Image, side: int, by_color: bool) -> np.ndarray:
    ImageOps.exif_transpose(file, in_place=True)
    if by_color and (colored := opaque_colors(file)):
        colored.thumbnail((side, side))
        return np.asarray(most_contrast(colored))
    gray = gray_levels(file)
    gray.thumbnail((side, side))
    return np.asarray(gray)
