"""Images of a split as PNG files."""

import numpy as np
import pytest
from PIL import Image

from src.apps import export_images
from src.common.files import write_json


@pytest.mark.parametrize("options", [[], ["--dark-on-light"]])
def test_each_image_is_a_file_named_by_number_and_class(tmp_path, monkeypatch, digits, options):
    images, labels = digits[0][:3], np.array([2, 0, 1], np.uint8)
    info = {"class_names": ["ねこ", "../a b", "T-shirt/top"], "height": 28, "width": 28}
    write_json(tmp_path / "training/dataset.json", info)
    (tmp_path / "test").mkdir()
    np.save(tmp_path / "test/test_images.npy", images)
    np.save(tmp_path / "test/test_labels.npy", labels)
    monkeypatch.setattr(export_images, "PROCESSED", tmp_path)
    monkeypatch.setattr("sys.argv", ["export", "--output", str(tmp_path / "out"), *options])
    export_images.main()
    names = ["test-00000-T-shirt-top.png", "test-00001-ねこ.png", "test-00002-..-a-b.png"]
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == names
    for name, image in zip(names, images, strict=True):
        expected = 255 - image if options else image
        np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / "out" / name)), expected)
