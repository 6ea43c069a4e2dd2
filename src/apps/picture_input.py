"""Pictures from outside, of any size, turned into images as the models know them."""

import warnings
from dataclasses import dataclass
from io import BytesIO

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError
from scipy import ndimage

from src.common.errors import PipelineError
from src.ingest.normalize import SIDE, frame

MAX_BYTES = 20_000_000
WORKING_SIDE = 1000  # larger pictures are reduced first: the digit ends in 20 × 20 anyway
MIN_CONTRAST = 24  # of 255; with less, there is nothing on the picture
PAPER, INK = 0.25, 0.75  # of the darkest ink: below is paper and its shadows, above is full ink
SPECK = 0.02  # of the largest stroke's area: what is smaller is dust


@dataclass(frozen=True)
class Digit:
    """What a model is to see.

    Attributes:
        image: ``uint8 [H, W]``, light on dark.
        told: how the picture was taken, in a few words.
    """

    image: np.ndarray
    told: str


def read(content: bytes, name: str, shape: tuple[int, int]) -> Digit:
    """A picture, PNG or JPEG, as MNIST's authors would have made an image of it.

    The background is what the edge of the picture shows. A picture that has the size of the
    model's images already is taken point by point.

    Args:
        content: of the file.
        name: of the file, for the messages.
        shape: height and width of the model's images.

    Raises:
        PipelineError: it is no such picture, too large, or shows nothing.
    """
    grey, size = _grey(content, name)
    edge = np.concatenate([grey[0], grey[-1], grey[:, 0], grey[:, -1]])
    paper = int(np.median(edge))
    dark_ink = paper - int(grey.min()) > int(grey.max()) - paper
    told = "dark on light" if dark_ink else "light on dark"
    if grey.shape == shape:
        return Digit(255 - grey if dark_ink else grey, f"{told}, {size}: taken as it is")
    if shape != (SIDE, SIDE):
        raise PipelineError(
            f"{name} has {size} points, and the model knows images of "
            f"{shape[1]}×{shape[0]}; make it that size"
        )
    contrast = (paper - grey.astype(float)) * (1 if dark_ink else -1)
    if contrast.max() < MIN_CONTRAST:
        raise PipelineError(f"{name} shows nothing: all of it has about the same shade")
    ink = np.clip((contrast / contrast.max() - PAPER) / (INK - PAPER), 0, 1)
    framed = frame((255 * _without_specks(ink)).astype(np.uint8))
    # A thin stroke on a large picture is faint once it is small; MNIST's strokes are not.
    image = (framed * (255 / framed.max())).astype(np.uint8)
    return Digit(image, f"{told}, {size}: scaled and centred as MNIST's are")


def _grey(content: bytes, name: str) -> tuple[np.ndarray, str]:
    """The picture as ``uint8 [H, W]``, not larger than needed, and the size that it had."""
    if not content:
        raise PipelineError(f"{name} is empty")
    if len(content) > MAX_BYTES:
        raise PipelineError(f"{name} has more than {MAX_BYTES // 1_000_000} MB; make it smaller")
    try:
        with (
            warnings.catch_warnings(action="error", category=Image.DecompressionBombWarning),
            Image.open(BytesIO(content), formats=["PNG", "JPEG"]) as picture,
        ):
            size = f"{picture.width}×{picture.height}"
            picture.draft("L", (WORKING_SIDE, WORKING_SIDE))  # JPEG is decoded smaller at once
            if picture.mode.startswith("I"):  # 16 bits; Pillow would cut them off, not scale them
                values = np.asarray(picture).astype(float) / 257
                picture = Image.fromarray(values.clip(0, 255).astype(np.uint8))
            upright = _flat(ImageOps.exif_transpose(picture))
            upright.thumbnail((WORKING_SIDE, WORKING_SIDE))
            return np.asarray(upright), size
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        million = Image.MAX_IMAGE_PIXELS // 1_000_000
        raise PipelineError(
            f"{name} has more than {million} million points; make it smaller"
        ) from None
    except (UnidentifiedImageError, OSError, ValueError) as error:
        raise PipelineError(
            f"{name} is not a picture that can be read ({type(error).__name__}); "
            "give a whole PNG or JPEG file"
        ) from None
    except SyntaxError:  # Pillow's word for a broken PNG
        raise PipelineError(f"{name} is a broken PNG file") from None


def _flat(picture: Image.Image) -> Image.Image:
    """In grey, laid on white where it is transparent, or on black if it is white itself."""
    if not picture.has_transparency_data:
        return picture.convert("L")
    drawn = picture.convert("RGBA")
    grey = drawn.convert("L")
    cover = drawn.getchannel("A")
    covered = np.asarray(grey)[np.asarray(cover) > 127]
    paper = 0 if covered.size and covered.mean() > 127 else 255
    return Image.composite(grey, Image.new("L", drawn.size, paper), cover)


def _without_specks(ink: np.ndarray) -> np.ndarray:
    strokes, count = ndimage.label(ink > 0, structure=np.ones((3, 3)))
    areas = ndimage.sum_labels(ink, strokes, range(1, count + 1))
    small = np.flatnonzero(areas < SPECK * areas.max()) + 1
    return np.where(np.isin(strokes, small), 0, ink)
