"""The classes and the test images of datasets that are made of tables."""

from collections import Counter

import numpy as np
import pytest

from src.common.errors import PipelineError
from src.ingest.catalog import LIGHT_ON_DARK
from src.ingest.table_dataset import own_images
from src.ingest.tables import Table


@pytest.fixture
def table(tmp_path):
    """Write a table with images of two pixels per side; read it."""

    def make(name, labels, pixels=4, header=True):
        names = [f"label,{','.join(f'pixel{i}' for i in range(pixels))}"] if header else []
        rows = [f"{label},{','.join(str((i + 2 * j) % 256) for j in range(pixels))}"
                for i, label in enumerate(labels)]  # fmt: skip
        (tmp_path / name).write_text("\n".join([*names, *rows, ""]))
        return Table(tmp_path / name, None, None, False, LIGHT_ON_DARK)

    return make


def test_classes_are_the_labels_in_natural_order(table):
    names, images = own_images([table("a.csv", ["10", "9", "b", "24", "9"] * 5)], 0.2, 1)
    assert names == ["9", "10", "24", "b"]
    found = [*images]
    assert [image.label for image in found] == [1, 0, 3, 2, 0] * 5
    assert found[3].source.endswith("a.csv, row 5")
    np.testing.assert_array_equal(found[3].content, [[3, 5], [7, 9]])
    assert Counter(image.label for image in found if image.is_test) == {0: 2, 1: 1, 2: 1, 3: 1}


def test_a_second_table_has_the_test_images(table):
    tables = [table("a.csv", "xyxy"), table("b.csv", "yx", header=False)]
    names, images = own_images(tables, 0.2, 1)
    assert names == ["x", "y"]
    assert [(image.label, image.is_test) for image in images] == [
        *[(0, False), (1, False)] * 2,
        *[(1, True), (0, True)],
    ]


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (["a", "", "b"], "a.csv, row 3, column label: '' cannot be the name of a class"),
        (["a", "b", "=1+2"], "a.csv, row 4, column label: '=1.2' cannot be the name of a class"),
        (["a", "a"], "a.csv has 1 different labels, but 2 to 256 are needed"),
        (map(str, range(257)), "a.csv has 257 different labels, but 2 to 256 are needed"),
    ],
)
def test_labels_that_are_no_classes_are_refused(table, labels, message):
    with pytest.raises(PipelineError, match=message):
        own_images([table("a.csv", labels)], 0.2, 1)


def test_a_table_without_labels_can_be_predicted(tmp_path):
    (tmp_path / "test.csv").write_text("pixel0,pixel1,pixel2,pixel3\n1,2,3,4\n")
    table = Table(tmp_path / "test.csv", None, None, False, LIGHT_ON_DARK)
    with pytest.raises(PipelineError, match=r"has no column of labels, but pixel0, .* --table "):
        own_images([table], 0.2, 1)


@pytest.mark.parametrize(
    ("labels", "pixels", "message"),
    [
        ("xyz", 4, "b.csv, row 4 has the label 'z', which .*a.csv lacks"),
        ("xy", 9, "b.csv has 9 columns of pixels, but .*a.csv has 4; give"),
    ],
)
def test_the_tables_must_agree(table, labels, pixels, message):
    with pytest.raises(PipelineError, match=message):
        own_images([table("a.csv", "xyxy"), table("b.csv", labels, pixels)], 0.2, 1)
