"""The ink of a drawing or a photograph: found on paper of any color, and centered like MNIST's."""

import numpy as np
from PIL import Image
from scipy import ndimage

SIDE, BOX = 28, 20  # of MNIST's images, and of the digits in them
MIN_CONTRAST = 24  # of 255; a drawing with less contrast is considered empty
PAPER, INK = 0.25, 0.75  # fractions of the maximum contrast: background below, full ink above
FULL, OFF_CENTER = 250, 1.5  # of an image like MNIST's: least maximum, most pixels from the middle
VISIBLE = 0.2  # fraction of the most ink
SPECK = 0.02  # fraction of the largest stroke's area: smaller strokes are removed as dust
FINE = 80  # pixels of the longer side of the ink, at which strokes are measured and widened
THIN = 2.4  # of 20 pixels: thinner strokes are widened; those of MNIST have 2.7
# A large picture, such as a photograph, can show a shadow or a desk:
LARGE = 64  # pixels of the shorter side
WIDEST = 0.25  # fraction of the longer side: half the width of the widest stroke
LINE = 0.18  # fraction of the shorter side: what is thinner is no background
BLUR = 0.005  # fraction of the shorter side, against noise
BLACK = 32  # darker surroundings do not increase the contrast
DIFFERENT = 0.25  # fraction of the maximum contrast
# A sheet of paper that lies on a darker desk:
SMALL_SIDE = 200  # pixels; larger images are reduced before the paper is looked for
DESK = 0.15  # least fraction of the image's edge that shows the desk
AREA = 0.2  # least fraction of the image that is paper
WRITTEN = 0.002, 0.4  # least and greatest fraction of the paper that is ink
RECTANGULAR = 0.85  # least fraction of the smallest rectangle around the paper; an ellipse: 0.79
ANGLES = np.radians(np.arange(0, 90, 3))
MARGIN = 2  # pixels of the reduced image at the edge of the paper: its shadow, and blur


def find_ink(gray: np.ndarray) -> tuple[np.ndarray, bool] | None:
    """Find the ink in ``uint8 [h, w]``; None if the picture is empty.

    The background is the more frequent one of two gray levels. If what differs from it has areas
    that are wider than strokes, such as a shadow, each pixel gets a background of its own.

    Returns:
        ``float [h, w]``: 0 where there is no ink, 1 where there is most; and whether the ink is
        darker than the background.
    """
    is_large = min(gray.shape) >= LARGE
    paper = _without_desk(gray) if is_large else gray
    contrast, is_dark = _on_even_paper(paper)
    if is_large:
        inside = ndimage.distance_transform_edt(contrast > PAPER * contrast.max())
        if inside.max() > WIDEST * max(gray.shape):
            contrast, is_dark = _in_surroundings(paper)
        if contrast.max() < MIN_CONTRAST:  # no step may remove all the ink
            contrast, is_dark = _on_even_paper(gray)
    if contrast.max() < MIN_CONTRAST:
        return None
    ink = np.clip((contrast / contrast.max() - PAPER) / (INK - PAPER), 0, 1)
    return _without_specks(ink), is_dark


def _on_even_paper(gray: np.ndarray) -> tuple[np.ndarray, bool]:
    """The contrast to the background, in gray levels, and whether the ink is darker.

    The background is the dark or the light part, whichever has more of the picture and of its edge:
    the sum of both fractions counts.
    """
    dark = _dark_pixels(gray)
    is_dark = bool(dark.mean() + edge(dark).mean() < 1)
    levels, paper = gray.astype(np.float32), np.median(gray[dark != is_dark])
    return paper - levels if is_dark else levels - paper, is_dark


def _dark_pixels(gray: np.ndarray) -> np.ndarray:
    """``bool [h, w]``: the dark pixels, as opposed to the light ones.

    The limit is that of N. Otsu, IEEE Transactions on Systems, Man, and Cybernetics 9, 1979: the
    variance between both parts is as large as possible.
    """
    counts = np.bincount(gray.ravel(), minlength=256).astype(float)
    below, total = counts.cumsum()[:-1], gray.size
    sums = (counts * np.arange(256)).cumsum()
    difference = sums[-1] * below / total - sums[:-1]
    variance = difference**2 / np.maximum(below * (total - below), 1)
    return gray <= np.flatnonzero(variance == variance.max()).mean()


def _in_surroundings(gray: np.ndarray) -> tuple[np.ndarray, bool]:
    """The contrast of each pixel to what remains of its surroundings without thin lines."""
    paper = int(np.median(edge(gray)))
    is_dark = paper - int(gray.min()) > int(gray.max()) - paper
    side = min(gray.shape)
    smooth = ndimage.gaussian_filter(gray.astype(np.float32), BLUR * side)
    width = max(3, round(LINE * side))
    without_lines = ndimage.grey_closing if is_dark else ndimage.grey_opening
    surroundings = without_lines(smooth, (width, width), mode="nearest")
    # A shadow reduces the contrast by the same factor as the brightness.
    contrast = 255 * np.abs(smooth - surroundings) / np.maximum(surroundings, BLACK)
    # What touches the edge, such as the corner of a shadow, is no ink if it is not the largest.
    areas, count = ndimage.label(contrast > DIFFERENT * contrast.max())
    sizes = np.bincount(areas.ravel(), minlength=count + 1)
    at_edge = set(edge(areas)) - {0, 1 + int(np.argmax(sizes[1:]))} if count else set()
    return np.where(np.isin(areas, list(at_edge)), 0, contrast), is_dark


def _without_desk(gray: np.ndarray) -> np.ndarray:
    """The image with the color of the paper in place of a desk around it, if there seems to be one.

    A large, bright area with holes, the ink, is paper if something darker is around it.
    """
    small = Image.fromarray(gray)
    small.thumbnail((SMALL_SIDE, SMALL_SIDE))
    light = ~_dark_pixels(ndimage.gaussian_filter(np.asarray(small), 2))
    areas, count = ndimage.label(light)
    if not count or (~edge(light)).mean() < DESK:
        return gray
    largest = areas == 1 + np.argmax(ndimage.sum_labels(light, areas, range(1, count + 1)))
    paper = ndimage.binary_fill_holes(largest)
    ink = 1 - largest.sum() / paper.sum()
    if paper.mean() < AREA or not WRITTEN[0] <= ink <= WRITTEN[1] or not _is_rectangle(paper):
        return gray
    inside = ndimage.binary_erosion(paper, iterations=MARGIN, border_value=1)
    mask = np.asarray(Image.fromarray(inside).resize(gray.shape[::-1]))
    return np.where(mask, gray, np.median(gray[mask]).astype(np.uint8))


def _is_rectangle(area: np.ndarray) -> bool:
    """Whether ``bool [h, w]`` fills most of a rectangle, which can be turned."""
    down, right = np.nonzero(area)
    across = np.outer(np.cos(ANGLES), right) + np.outer(np.sin(ANGLES), down)
    along = np.outer(np.cos(ANGLES), down) - np.outer(np.sin(ANGLES), right)
    smallest = ((np.ptp(across, axis=1) + 1) * (np.ptp(along, axis=1) + 1)).min()
    return bool(area.sum() >= RECTANGULAR * smallest)


def _without_specks(ink: np.ndarray) -> np.ndarray:
    strokes, count = ndimage.label(ink > 0, structure=np.ones((3, 3)))
    areas = ndimage.sum_labels(ink, strokes, range(1, count + 1))
    small = np.flatnonzero(areas < SPECK * areas.max()) + 1
    return np.where(np.isin(strokes, small), 0, ink)


def edge(image: np.ndarray) -> np.ndarray:
    """The pixels at the four sides of ``[h, w]``."""
    return np.concatenate([image[0], image[-1], image[:, 0], image[:, -1]])


def widened(ink: np.ndarray) -> np.ndarray:
    """Crop to the ink, scale it to ``FINE`` pixels, and give its strokes at least the usual width.

    The mean width of strokes is twice their area, divided by the length of their outline.

    Args:
        ink: ``float [h, w]``, with some ink.

    Returns:
        ``uint8 [h, w]`` of another size, up to 255.
    """
    crop = ink[ndimage.find_objects((ink > VISIBLE).astype(np.uint8))[0]]
    fine = np.pad(fit(np.rint(255 * crop).astype(np.uint8), (FINE, FINE)), 1)
    fine = fine / fine.max()  # a very thin line becomes faint
    stroke = fine > 0.5
    outline = stroke & ~ndimage.binary_erosion(stroke)
    radius = (THIN * FINE / BOX - 2 * stroke.sum() / outline.sum()) / 2
    if radius >= 1:
        reach = np.arange(-int(radius), int(radius) + 1)
        disk = np.add.outer(reach**2, reach**2) <= radius**2
        fine = ndimage.grey_dilation(np.pad(fine, len(reach)), footprint=disk)
    return np.where(fine > VISIBLE, np.rint(255 * fine), 0).astype(np.uint8)


def is_like_mnist(image: np.ndarray) -> bool:
    """Whether ``uint8 [H, W]``, light on dark, is centered as by ``center_like_mnist``.

    MNIST's images are: the longer side of the ink has 19 or 20 of 28 pixels, the center of mass is
    at most 1 pixel from the middle, and the brightest pixel has 254 or 255.
    """
    if image.max() < FULL or np.median(edge(image)) > 0:
        return False
    shape, extent = np.array(image.shape), np.ptp(np.nonzero(image), axis=1) + 1
    off_center = ndimage.center_of_mass(image) - (shape - 1) / 2
    return abs(max(extent - shape * BOX / SIDE)) <= 1 and bool(
        (abs(off_center) <= OFF_CENTER).all()
    )


def center_like_mnist(ink: np.ndarray, shape: tuple[int, int] = (SIDE, SIDE)) -> np.ndarray:
    """Crop to the ink, fit into 20×20, and center by mass in 28×28; other shapes in proportion.

    So did MNIST's authors: http://yann.lecun.com/exdb/mnist/. The shift is in whole pixels, so the
    center is exact to half a pixel. Where it would push ink over the edge, the digit stays inside.

    Args:
        ink: ``uint8 [h, w]`` of any size, 0 where there is no ink, up to 255.
        shape: height H and width W of the result.

    Returns:
        ``uint8 [H, W]``, light on dark; all zero if there is no ink, or too little to be visible.
    """
    if not ink.any():
        return np.zeros(shape, np.uint8)
    box = tuple(max(1, round(side * BOX / SIDE)) for side in shape)
    digit = fit(ink[ndimage.find_objects((ink > 0).astype(np.uint8))[0]], box)
    if not digit.any():  # there is no center of mass
        return np.zeros(shape, np.uint8)
    # Indices count from a pixel's middle, hence (side - 1) / 2 for the middle of the field.
    middle = zip(shape, ndimage.center_of_mass(digit), digit.shape, strict=True)
    top, left = (
        int(np.clip(round((side - 1) / 2 - mass), 0, side - size)) for side, mass, size in middle
    )
    return pasted(digit, shape, top, left)


def fit(image: np.ndarray, box: tuple[int, ...]) -> np.ndarray:
    """Scale ``uint8 [h, w]`` to the largest size in a box that keeps its proportions.

    Args:
        box: height and width; each side of the result is at least 1, however thin the image is.
    """
    scale = min(most / size for most, size in zip(box, image.shape, strict=True))
    height, width = (max(1, round(size * scale)) for size in image.shape)
    # Pillow widens the filter when it shrinks an image: this is the anti-aliasing.
    return np.asarray(Image.fromarray(image).resize((width, height), Image.Resampling.BICUBIC))


def pasted(
    part: np.ndarray, shape: tuple[int, int], top: int, left: int, paper: int = 0
) -> np.ndarray:
    """Put ``[h, w]`` into ``[H, W]`` of one gray level."""
    image = np.full(shape, paper, np.uint8)
    image[top : top + part.shape[0], left : left + part.shape[1]] = part
    return image
