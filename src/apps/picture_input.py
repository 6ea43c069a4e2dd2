"""Image files of any size, converted to images like those that the models were trained on."""

import warnings
from dataclasses import dataclass
from io import BytesIO

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError
from scipy import ndimage

from src.common.errors import PipelineError
from src.ingest.normalize import SIDE, frame

MAX_BYTES = 20_000_000
WORKING_SIDE = 1000  # pixels; larger images are reduced first, because the result is 20 × 20
MIN_CONTRAST = 24  # of 255; an image with less contrast is considered empty
PAPER, INK = 0.25, 0.75  # fractions of the maximum contrast: background below, full ink above
SPECK = 0.02  # fraction of the largest stroke's area: smaller strokes are removed as dust


@dataclass(frozen=True)
class Digit:
    """The input of a model."""

    image: np.ndarray  # uint8 [H, W], light on dark
    note: str  # how the file was converted, in a few words


def read(content: bytes, name: str, shape: tuple[int, int]) -> Digit:
    """Convert a PNG or JPEG file in the way that the MNIST images were made.

    The pixels at the edge determine the color of the background. An image that already has the size
    of the model's input is used unchanged, apart from inverting it.

    Args:
        name: for messages.
        shape: height and width of the model's input.

    Raises:
        PipelineError: the file is not a PNG or JPEG, is too large, or shows nothing.
    """
    gray, size = _gray(content, name)
    edge = np.concatenate([gray[0], gray[-1], gray[:, 0], gray[:, -1]])
    paper = int(np.median(edge))
    dark_ink = paper - int(gray.min()) > int(gray.max()) - paper
    note = f"{'dark on light' if dark_ink else 'light on dark'}, {size}"
    if gray.shape == shape:
        return Digit(255 - gray if dark_ink else gray, f"{note}: not scaled")
    if shape != (SIDE, SIDE):
        raise PipelineError(
            f"{name} has {size} pixels, but the model needs {shape[1]}×{shape[0]}; "
            "resize the image to that size"
        )
    contrast = (paper - gray.astype(float)) * (1 if dark_ink else -1)
    if contrast.max() < MIN_CONTRAST:
        raise PipelineError(f"{name} is empty: all pixels have nearly the same brightness")
    ink = np.clip((contrast / contrast.max() - PAPER) / (INK - PAPER), 0, 1)
    framed = frame((255 * _without_specks(ink)).astype(np.uint8))
    # A thin stroke becomes faint when a large image is reduced; the strokes of MNIST are not faint.
    image = (framed * (255 / framed.max())).astype(np.uint8)
    return Digit(image, f"{note}: scaled and centered like MNIST")


def _gray(content: bytes, name: str) -> tuple[np.ndarray, str]:
    """The image as ``uint8 [H, W]``, reduced if it is large, and its original size."""
    if not content:
        raise PipelineError(f"{name} is an empty file")
    if len(content) > MAX_BYTES:
        limit = MAX_BYTES // 1_000_000
        raise PipelineError(f"{name} is larger than {limit} MB; use a smaller image")
    try:
        with (
            warnings.catch_warnings(action="error", category=Image.DecompressionBombWarning),
            Image.open(BytesIO(content), formats=["PNG", "JPEG"]) as file,
        ):
            return _reduced(file), f"{file.width}×{file.height}"
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        most = f"{(Image.MAX_IMAGE_PIXELS or 0) // 1_000_000} million pixels"
        raise PipelineError(f"{name} has more than {most}; use a smaller image") from None
    except (UnidentifiedImageError, OSError, ValueError) as error:
        raise PipelineError(
            f"{name} cannot be read as an image ({type(error).__name__}); "
            "use a complete PNG or JPEG file"
        ) from None
    except SyntaxError:  # Pillow raises it for some damaged PNG files
        raise PipelineError(f"{name} is a damaged PNG file; use a complete one") from None


def _reduced(file: Image.Image) -> np.ndarray:
    file.draft("L", (WORKING_SIDE, WORKING_SIDE))  # the JPEG decoder can reduce the size itself
    image = file
    if file.mode.startswith("I"):  # 16 bits, which Pillow would clip to 8 bits and not scale
        values = np.asarray(file).astype(float) / 257
        image = Image.fromarray(values.clip(0, 255).astype(np.uint8))
    upright = _without_transparency(ImageOps.exif_transpose(image))
    upright.thumbnail((WORKING_SIDE, WORKING_SIDE))
    return np.asarray(upright)


def _without_transparency(image: Image.Image) -> Image.Image:
    """In gray; transparent pixels become white, or black if the other pixels are light."""
    if not image.has_transparency_data:
        return image.convert("L")
    rgba = image.convert("RGBA")
    gray, alpha = rgba.convert("L"), rgba.getchannel("A")
    opaque = np.asarray(gray)[np.asarray(alpha) > 127]
    paper = 0 if opaque.size and opaque.mean() > 127 else 255
    return Image.composite(gray, Image.new("L", rgba.size, paper), alpha)


def _without_specks(ink: np.ndarray) -> np.ndarray:
    strokes, count = ndimage.label(ink > 0, structure=np.ones((3, 3)))
    areas = ndimage.sum_labels(ink, strokes, range(1, count + 1))
    small = np.flatnonzero(areas < SPECK * areas.max()) + 1
    return np.where(np.isin(strokes, small), 0, ink)
