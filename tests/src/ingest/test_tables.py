"""Tables of every usual form are read, or are refused with the place of the mistake."""

import gzip
import json

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from pyarrow import parquet

from src.common.errors import PipelineError
from src.ingest.catalog import LIGHT_ON_DARK
from src.ingest.tables import Table, is_table, members_of
from tests.fixtures.image_folders import encoded

IMAGES = np.random.default_rng(0).integers(0, 256, (6, 4, 4), np.uint8)
LABELS = ["7", "10", "7", "a b", "10", "7"]
ROWS = [
    ",".join(map(str, [label, *pixels]))
    for label, pixels in zip(LABELS, IMAGES.reshape(6, -1), strict=True)
]
PIXELS = ",".join(f"pixel{number}" for number in range(16))


def read(path, label=None, size=None, transpose=False):
    return Table(path, label, size, transpose, LIGHT_ON_DARK)


def images(table):
    return [picture.image for picture in table]


def csv(header, rows=ROWS):
    return "\n".join([*header, *rows, ""])


def label_last(rows):
    return [",".join([*row.split(",")[1:], row.split(",")[0]]) for row in rows]


FORMS = {
    "pixels from 0": csv([f"label,{PIXELS}"]),
    "rows and columns": csv(["Label," + ",".join(f"{i}x{j}" for i in range(4) for j in range(4))]),
    "numbers": csv(["label," + ",".join(map(str, range(16)))]),
    "no header": csv([]),
    "label last": csv([f"{PIXELS},class"], label_last(ROWS)),
    "numbers of rows": csv([f",label,{PIXELS}"], [f"{i},{row}" for i, row in enumerate(ROWS)]),
    "mark and spaces": "\ufeff" + csv([f"label,{PIXELS}"]).replace(",", ", ").replace("\n", "\r\n"),
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", ["train.csv", "TRAIN.CSV.GZ"])
def test_csv_files_of_every_form_are_read(tmp_path, form, name):
    content = FORMS[form].encode()
    path = tmp_path / name
    path.write_bytes(gzip.compress(content, mtime=0) if name.endswith("GZ") else content)
    table = read(path)
    assert table.labels == LABELS and table.count == 6
    np.testing.assert_array_equal(images(table), IMAGES)
    assert is_table(path) and not is_table(tmp_path)


@pytest.mark.parametrize(
    ("header", "rows", "label"),
    [
        ([f"name,{PIXELS}"], ROWS, "name"),
        ([], label_last(ROWS), "17"),
        ([",".join(map(str, range(17)))], ROWS, "0"),
    ],
)
def test_the_column_of_the_labels_can_be_named(tmp_path, header, rows, label):
    (tmp_path / "a.csv").write_text(csv(header, rows))
    assert read(tmp_path / "a.csv", label).labels == LABELS


@pytest.mark.parametrize(("values", "expected"), [([0, 0.2, 0.6, 1], [0, 51, 153, 255]),
                                                  ([0, 1, 2, 255], [0, 1, 2, 255])])  # fmt: skip
def test_pixels_from_0_to_1_are_scaled(tmp_path, values, expected):
    (tmp_path / "a.csv").write_text("label,a,b,c,d\n1," + ",".join(map(str, values)))
    assert images(read(tmp_path / "a.csv"))[0].ravel().tolist() == expected


def test_labels_that_are_whole_numbers_need_no_point(tmp_path):
    pixels = IMAGES[:2].reshape(2, -1)
    np.savetxt(tmp_path / "a.csv", np.column_stack([[7, 12], pixels]), delimiter=",")
    table = read(tmp_path / "a.csv")
    assert table.labels == ["7", "12"]
    np.testing.assert_array_equal(images(table), IMAGES[:2])


def test_images_can_be_transposed_and_need_not_be_square(tmp_path):
    (tmp_path / "a.csv").write_text(csv([]))
    turned = [image.T for image in IMAGES]
    np.testing.assert_array_equal(images(read(tmp_path / "a.csv", transpose=True)), turned)
    wide = read(tmp_path / "a.csv", size=(2, 8), transpose=True)
    assert wide.shape == (2, 8)
    np.testing.assert_array_equal(images(wide)[0], IMAGES[0].reshape(8, 2).T)


def test_square_images_are_scaled_to_a_size_with_a_warning(tmp_path, capsys):
    (tmp_path / "a.csv").write_text(csv([]))
    larger = np.stack(images(read(tmp_path / "a.csv", size=(8, 8))))
    assert "a.csv are scaled from 4 to 8 pixels per side" in capsys.readouterr().err
    assert larger.shape == (6, 8, 8)
    assert larger.mean() == pytest.approx(IMAGES.mean(), abs=3)


def test_large_files_are_read_in_parts(tmp_path, monkeypatch):
    monkeypatch.setattr("src.ingest.tables.BLOCK", 200)
    (tmp_path / "a.csv").write_text(csv([f"label,{PIXELS}"], ROWS * 50 + ["7" + ",1" * 15 + ",x"]))
    with pytest.raises(PipelineError, match=r"a.csv, row 302, column pixel15 .*'x'"):
        read(tmp_path / "a.csv")


# Parquet


def test_parquet_files_with_pixels_are_read(tmp_path):
    frame = pd.DataFrame(IMAGES.reshape(6, -1)).rename(columns=str)
    frame.assign(target=LABELS).to_parquet(tmp_path / "a.PARQUET")
    table = read(tmp_path / "a.PARQUET")
    assert table.labels == LABELS
    np.testing.assert_array_equal(images(table), IMAGES)


def hugging_face(path, labels, column, names=("cat", "dog", "=1")):
    info = {"info": {"features": {"image": {"_type": "Image"}, "label": {"names": names}}}}
    table = pa.table({"image": column, "label": labels})
    parquet.write_table(table.replace_schema_metadata({"huggingface": json.dumps(info)}), path)
    return read(path)


@pytest.mark.parametrize("is_struct", [True, False])
def test_image_files_in_parquet_are_converted(tmp_path, is_struct):
    gray = np.full((28, 28), 255, np.uint8)
    gray[5:9] = 30
    files = [encoded(gray), b"text", None]
    column = [{"bytes": file, "path": "1.png"} for file in files] if is_struct else files
    table = hugging_face(tmp_path / "a.parquet", [1, 0, -1], column)
    assert table.labels == ["dog", "cat", "-1"]
    image, *faults = table
    np.testing.assert_array_equal(image.image, 255 - gray)  # light on dark
    assert faults == ["cannot be read as an image", "is an empty file"]


# Mistakes


def changed(row, column, value):
    rows = [line.split(",") for line in ROWS]
    rows[row][column : column + 1] = value
    return csv([f"label,{PIXELS}"], map(",".join, rows))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (changed(2, 3, ["x"]), r"row 4, column pixel2 \(invalid value 'x'\)"),
        (changed(2, 3, [""]), "row 4, column pixel2 is empty or no number from 0 to 255"),
        (changed(2, 3, ["256"]), "row 4, column pixel2 is empty or no number"),
        (changed(2, 3, ["-0.5"]), "row 4, column pixel2 is empty or no number"),
        (changed(2, 3, []), "Row #4: Expected 17 columns, got 16"),
        (changed(2, 3, ["1", "2"]), "Row #4: Expected 17 columns, got 18"),
        (csv([], [*ROWS, "7" + ",1" * 15 + ",x"]), r"row 7, column 17 \(invalid value 'x'"),
        (
            csv([f"label,{PIXELS},more"], [f"{row},1" for row in ROWS]),
            "17 columns of pixels .*label",
        ),
        (csv([f"label,{PIXELS},id"]), "Row #2: Expected 18 columns, got 17"),
        ("", "cannot be read as a table"),
        (csv([f"label,{PIXELS}"]).replace(",", ";"), "has fewer than two columns"),
        (f"label,{PIXELS}\n", "has no rows with images"),
        (b"\x89PNG\r\n\x1a\n\0", "cannot be read as a table"),
        (f"label,{PIXELS}\n\xff{ROWS[0]}".encode("latin-1"), "can't decode byte 0xff"),
    ],
)
def test_mistakes_are_named_with_row_and_column(tmp_path, content, message):
    content = content.encode() if isinstance(content, str) else content
    (tmp_path / "a.csv").write_bytes(content)
    with pytest.raises(PipelineError, match=message) as refused:
        read(tmp_path / "a.csv")
    assert "a.csv" in str(refused.value) and "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("name", "content"),
    [("a.csv", None), ("a.csv.gz", b"x"), ("a.csv.gz", gzip.compress(b"1,2\n" * 99, mtime=0)[:-20]),
     ("a.parquet", b"PAR1"), ("a.parquet", None)],
)  # fmt: skip
def test_other_files_are_no_tables(tmp_path, name, content):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(PipelineError, match=f"{name} cannot be read as a table .*; correct"):
        read(tmp_path / name)


@pytest.mark.parametrize(
    ("label", "size", "message"),
    [
        ("name", None, "a.csv has no column 'name'; use one of label, pixel0, pixel1, …, pixel15"),
        (None, (3, 5), r"16 columns of pixels \(pixel0.*, but 5×3 images are wanted; use"),
        ("pixel3", None, r"row 5, column label \(invalid value 'a b'\)"),
    ],
)
def test_options_that_do_not_fit_are_refused(tmp_path, label, size, message):
    (tmp_path / "a.csv").write_text(csv([f"label,{PIXELS}"]))
    with pytest.raises(PipelineError, match=message):
        read(tmp_path / "a.csv", label, size)


# Datasets


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


def test_a_second_table_has_the_test_images(table):
    train, test = table("a.csv", ["10", "9"]), table("b.csv", ["9"], header=False)
    assert members_of(train)["class"].to_list() == ["10", "9"]
    assert members_of(train).is_test.isna().all()
    assert members_of(train).source.to_list()[1].endswith("a.csv, row 3")
    np.testing.assert_array_equal(images(train)[1], [[1, 3], [5, 7]])
    members = members_of(train, test)
    assert members["class"].to_list() == ["10", "9", "9"]
    assert members.is_test.to_list() == [False, False, True]
    assert members.source.to_list()[2].endswith("b.csv, row 1")


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (["a", "", "b"], "a.csv, row 3, column label: the name of the class is missing"),
        (["a", "b", "=1+2"], "a.csv, row 4, column label: '=1.2' cannot be the name of a class"),
    ],
)
def test_labels_that_are_no_classes_are_refused(table, labels, message):
    with pytest.raises(PipelineError, match=message):
        members_of(table("a.csv", labels))


def test_a_table_without_labels_can_be_predicted(tmp_path):
    (tmp_path / "test.csv").write_text("pixel0,pixel1,pixel2,pixel3\n1,2,3,4\n")
    table = Table(tmp_path / "test.csv", None, None, False, LIGHT_ON_DARK)
    with pytest.raises(PipelineError, match=r"has no column of labels, but pixel0, .* --table "):
        members_of(table)


def test_the_labels_of_the_tables_must_agree(table):
    with pytest.raises(PipelineError, match=r"b.csv, row 4 has the label 'z', which .*a.csv lacks"):
        members_of(table("a.csv", "xyxy"), table("b.csv", "xyz"))
