"""Images of a split as PNG files."""

import numpy as np
import pytest
from PIL import Image

from src.apps import export_images


@pytest.mark.parametrize("dark", [False, True])
def test_each_image_is_a_file_named_by_number_and_class(digits, tmp_path, dark):
    images = digits[0][:3]
    classes = ["T-shirt/top", "ねこ", "../a b"]
    paths = export_images.write(images, classes, "test", tmp_path / "out", dark)
    names = ["test-00000-T-shirt-top.png", "test-00001-ねこ.png", "test-00002-..-a-b.png"]
    assert [path.name for path in paths] == names
    for path, image in zip(paths, images, strict=True):
        np.testing.assert_array_equal(np.asarray(Image.open(path)), 255 - image if dark else image)
    assert len(list((tmp_path / "out").iterdir())) == 3
