"""Large images are refused before they are decoded, or decoded one at a time with little memory."""

import threading
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from src.pictures import decode as module
from src.pictures.decode import PictureError, decode


def encoded(image: Image.Image, kind: str, **options) -> bytes:
    file = BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


@pytest.mark.parametrize(("limit", "threads"), [(63, 1), (64, 3)])
def test_one_thread_decodes_all_large_images(monkeypatch, limit, threads):
    used, together = set(), threading.Barrier(threads)

    def gray(file, side, by_color):
        together.wait(60)  # fails unless so many threads are here at the same time
        used.add(threading.get_ident())
        return np.zeros((1, 1), np.uint8)

    monkeypatch.setattr(module, "_gray", gray)
    monkeypatch.setattr(module, "LARGE_PIXELS", limit)
    content = encoded(Image.new("L", (8, 8)), "PNG")
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(lambda _: decode(content, "it", 1000), range(3)))
    assert len(used) == threads


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP"])
def test_the_number_of_pixels_is_limited(monkeypatch, kind):
    monkeypatch.setattr(module, "MAX_PIXELS", 3_000_000)
    monkeypatch.setattr(module, "MAX_WEBP_PIXELS", 2_000_000)
    most = 2 if kind == "WEBP" else 3
    allowed = encoded(Image.new("L", (1000, 1000 * most)), kind)
    assert decode(allowed, "it", 10)[1] == f"1000×{1000 * most}"
    monkeypatch.setattr(module, "_gray", None)  # would fail
    with pytest.raises(PictureError, match=f"it has more than {most} million pixels; use a"):
        decode(encoded(Image.new("L", (1000, 1000 * most + 1)), kind), "it", 10)


def test_the_jpeg_decoder_reduces_only_baseline_files():
    image = Image.new("L", (4000, 4000))
    for progressive, expected in ((False, 1000**2), (True, 4000**2)):
        content = encoded(image, "JPEG", progressive=progressive)
        with module._opened(content) as file:
            assert module._decoded_pixels(file, 1000, by_color=True) == expected
