"""Images of a split as PNG files."""

import numpy as np
import pytest
from PIL import Image

from src.apps import export_images


@pytest.mark.parametrize("dark", [False, True])
def test_each_image_is_a_file_named_by_index_and_label(digits, tmp_path, dark):
    images, labels = digits[0][:3], digits[1][:3]
    paths = export_images.write(images, labels, "test", tmp_path / "out", dark)
    assert [path.name for path in paths] == [
        f"test-0000{index}-{label}.png" for index, label in enumerate(labels)
    ]
    for path, image in zip(paths, images, strict=True):
        np.testing.assert_array_equal(np.asarray(Image.open(path)), 255 - image if dark else image)
    assert len(list((tmp_path / "out").iterdir())) == 3
