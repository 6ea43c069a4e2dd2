import numpy as np
import pytest
from scipy import ndimage
from src.ingest.normalize import fit, frame


def drawing(height, width, margin=30):
    return np.pad(np.full((height, width), 255, np.uint8), margin)


def extent(image):
    rows, columns = np.nonzero(image)
    return int(np.ptp(rows)) + 1, int(np.ptp(columns)) + 1


@pytest.mark.parametrize(
    ("size", "expected"),
    [((200, 100), (20, 10)), ((100, 200), (10, 20)), ((7, 7), (20, 20)), ((300, 1), (20, 1))],
)
def test_the_digit_fits_20_by_20_and_keeps_its_proportions(size, expected):
    framed = frame(drawing(*size))
    assert framed.shape == (28, 28) and framed.dtype == np.uint8
    assert extent(framed) == expected


def test_place_and_size_in_the_drawing_do_not_matter():
    digit = np.tril(np.full((50, 40), 255, np.uint8))
    expected = frame(digit)
    np.testing.assert_array_equal(frame(np.pad(digit, ((3, 90), (70, 0)))), expected)
    larger = frame(np.kron(digit, np.ones((4, 4), np.uint8)))
    assert np.abs(larger.astype(int) - expected).mean() < 5


def test_the_centre_of_mass_is_at_the_centre():
    lopsided = np.zeros((40, 40), np.uint8)
    lopsided[:, :8] = lopsided[32:, :] = 255  # an L
    np.testing.assert_allclose(ndimage.center_of_mass(frame(lopsided)), 13.5, atol=0.5)


def test_no_ink_is_lost_where_the_mass_is_at_the_rim():
    flag = np.full((40, 40), 1, np.uint8)
    flag[:2] = 255
    framed = frame(flag)
    assert extent(framed) == (20, 20)


def test_edges_are_grey_and_ink_is_full():
    yy, xx = np.mgrid[-100:101, -100:101]
    disc = np.where(np.hypot(yy, xx) < 90, 255, 0).astype(np.uint8)
    framed = frame(disc)
    assert framed.max() == 255
    assert ((framed > 0) & (framed < 255)).any()


def test_an_empty_drawing_stays_empty():
    assert not frame(np.zeros((280, 280), np.uint8)).any()


@pytest.mark.parametrize("wrong", [np.zeros((5, 5)), np.zeros((1, 5, 5), np.uint8)])
def test_other_arrays_are_refused(wrong):
    with pytest.raises(ValueError, match=r"expected an image uint8 \[H, W\]"):
        frame(wrong)


@pytest.mark.parametrize("shape", [(1, 1), (1, 28), (2, 3), (28, 28), (30, 90), (512, 200)])
@pytest.mark.parametrize("size", [(1, 1), (300, 1), (1, 300), (50, 70)])
def test_any_shape_is_framed_in_proportion(shape, size):
    framed = frame(np.full(size, 255, np.uint8), shape)
    assert framed.shape == shape
    box = [max(1, round(side * 20 / 28)) for side in shape]
    height, width = extent(framed)
    assert (height == box[0] or width == box[1]) and height <= box[0] and width <= box[1]
    if min(height, width) > 10:
        assert height / width == pytest.approx(size[0] / size[1], rel=0.1)
    middle = [(side - 1) / 2 for side in shape]
    np.testing.assert_allclose(ndimage.center_of_mass(framed), middle, atol=0.5)


def test_ink_that_disappears_in_the_reduction_gives_an_empty_image():
    assert not frame(np.diag([255, *[0] * 998, 255]).astype(np.uint8)).any()


def test_fit_keeps_the_proportions():
    assert fit(np.zeros((10, 30), np.uint8), (40, 60)).shape == (20, 60)
    assert fit(np.zeros((10, 900), np.uint8), (40, 60)).shape == (1, 60)
