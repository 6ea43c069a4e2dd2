"""Published files become upright images, and labels that are bytes and start at 0."""

import struct
import tracemalloc

import numpy as np
import pytest

from src.ingest import canonical, idx
from src.ingest.catalog import TEST_LABELS, TRAIN_IMAGES, TRAIN_LABELS, Dataset

IMAGES = np.arange(5 * 4 * 6, dtype=np.uint8).reshape(5, 4, 6)
COUNT, CLASS_NAMES = 40, ("a", "b", "c")
UPRIGHT = Dataset({}, counts=(COUNT, 10), class_names=CLASS_NAMES)
TRANSPOSED = Dataset(
    {},
    counts=(COUNT, 10),
    class_names=CLASS_NAMES,
    transposed=True,
)
FROM_1 = Dataset({}, counts=(COUNT, 10), class_names=CLASS_NAMES, first_label=1)
COLUMNS = Dataset(
    {},
    counts=(COUNT, 10),
    class_names=CLASS_NAMES,
    label_columns=8,
)


def labels(first, count=COUNT):
    return (np.arange(count) % len(CLASS_NAMES) + first).astype(np.uint8)


def write_int32(path, values):
    """Write ``int32 [N, columns]`` as QMNIST does."""
    path.write_bytes(
        struct.pack(">4B2I", 0, 0, 12, 2, *values.shape) + values.astype(">i4").tobytes()
    )


def rows(column_0):
    """Labels with seven further columns, some of them larger than a byte."""
    others = np.random.default_rng(0).integers(0, 300_000, (len(column_0), 7))
    return np.column_stack([column_0, others])


def read(path, name, dataset, array_path):
    array_path.write_bytes(b"".join(canonical.read_pieces(path, name, dataset)))
    return next(idx.read_chunks(array_path, 1_000_000))


@pytest.mark.parametrize("chunk_bytes", [1, 50, 1 << 20])
def test_transposed_images_are_turned_back(tmp_path, monkeypatch, chunk_bytes):
    monkeypatch.setattr(canonical, "CHUNK_BYTES", chunk_bytes)
    idx.write(tmp_path / "a", IMAGES.transpose(0, 2, 1).copy())
    result = read(tmp_path / "a", TRAIN_IMAGES, TRANSPOSED, tmp_path / "b")
    np.testing.assert_array_equal(result, IMAGES)


@pytest.mark.parametrize("chunk_bytes", [70, 1 << 20])
@pytest.mark.parametrize("dataset", [UPRIGHT, TRANSPOSED, FROM_1, COLUMNS])
def test_labels_start_at_0(tmp_path, monkeypatch, dataset, chunk_bytes):
    monkeypatch.setattr(canonical, "CHUNK_BYTES", chunk_bytes)
    published = labels(dataset.first_label)
    if dataset.label_columns:
        write_int32(tmp_path / "a", rows(published))
    else:
        idx.write(tmp_path / "a", published)
    canonical.check(tmp_path / "a", TRAIN_LABELS, dataset)
    result = read(tmp_path / "a", TRAIN_LABELS, dataset, tmp_path / "b")
    np.testing.assert_array_equal(result, labels(0))


@pytest.mark.parametrize("dataset", [UPRIGHT, FROM_1, COLUMNS])
def test_upright_images_are_copied(tmp_path, dataset):
    idx.write(tmp_path / "a", IMAGES)
    pieces = b"".join(canonical.read_pieces(tmp_path / "a", TRAIN_IMAGES, dataset))
    assert pieces == (tmp_path / "a").read_bytes()


@pytest.mark.parametrize(
    ("name", "array", "dataset", "message"),
    [
        (TRAIN_IMAGES, np.zeros((COUNT, 28, 28)), TRANSPOSED, None),
        (
            TRAIN_IMAGES,
            np.zeros((10, 28, 28)),
            UPRIGHT,
            "has 10 × 28 × 28 .* file has 40 × 28 × 28",
        ),
        (TRAIN_IMAGES, np.zeros((COUNT, 28, 27)), UPRIGHT, "has 40 × 28 × 27 bytes"),
        (TRAIN_IMAGES, np.zeros((COUNT, 28)), TRANSPOSED, "has 40 × 28 bytes"),
        (TRAIN_LABELS, labels(0), UPRIGHT, None),
        (TEST_LABELS, labels(0), UPRIGHT, "has 40 bytes, but the published file has 10;"),
        (TRAIN_LABELS, labels(1), UPRIGHT, "has the label 3, but the published labels are 0 to 2"),
        (TRAIN_LABELS, labels(0), FROM_1, "has the label 0, but the published labels are 1 to 3"),
        (TRAIN_LABELS, labels(0), COLUMNS, r"type 0x08; only 32-bit integers \(0x0c\)"),
        (TRAIN_LABELS, rows(labels(0)), COLUMNS, None),
        (TRAIN_LABELS, rows(labels(1)), COLUMNS, "has the label 3, but"),
        (TRAIN_LABELS, rows(labels(0) - np.int64(1)), COLUMNS, "has the label -1, but"),
        (TRAIN_LABELS, rows(labels(0) + np.int64(256)), COLUMNS, "has the label 256, but"),
        (TRAIN_LABELS, rows(labels(0))[:, :7], COLUMNS, "40 × 7 × 4 bytes, .* 40 × 8 × 4;"),
        (TRAIN_LABELS, rows(labels(0)), UPRIGHT, r"type 0x0c; only unsigned bytes \(0x08\)"),
    ],
)
def test_another_size_or_label_is_noticed_without_a_checksum(
    tmp_path, name, array, dataset, message
):
    if array.dtype == np.int64:
        write_int32(tmp_path / "a", array)
    else:
        idx.write(tmp_path / "a", array.astype(np.uint8))
    if message is None:
        canonical.check(tmp_path / "a", name, dataset)
        return
    with pytest.raises(idx.IdxError, match=message) as error:
        canonical.check(tmp_path / "a", name, dataset)
    assert str(tmp_path / "a") in str(error.value) and "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("name", "dataset", "dimensions"),
    [
        (TRAIN_IMAGES, TRANSPOSED, (40,)),
        (TRAIN_IMAGES, TRANSPOSED, (40, 28)),
        (TRAIN_LABELS, FROM_1, (40, 28)),
        (TRAIN_LABELS, COLUMNS, (40,)),
    ],
)
def test_another_number_of_dimensions_is_never_converted(tmp_path, name, dataset, dimensions):
    values = np.zeros(dimensions, np.uint8)
    code = 12 if dataset.label_columns else 8
    header = bytearray(idx.header(dimensions))
    header[2] = code
    (tmp_path / "a").write_bytes(header + values.tobytes() * 4)
    with pytest.raises(idx.IdxError, match="but the published file has"):
        list(canonical.read_pieces(tmp_path / "a", name, dataset))


@pytest.mark.parametrize("content", ["images", "labels"])
def test_truncated_files_are_noticed(tmp_path, content):
    write_int32(tmp_path / "labels", rows(labels(0)))
    idx.write(tmp_path / "images", IMAGES)
    path = tmp_path / content
    path.write_bytes(path.read_bytes()[:-1])
    name = TRAIN_IMAGES if content == "images" else TRAIN_LABELS
    dataset = TRANSPOSED if content == "images" else COLUMNS
    with pytest.raises(idx.IdxError, match=f"{path} is truncated"):
        list(canonical.read_pieces(path, name, dataset))


@pytest.mark.parametrize("name", [TRAIN_IMAGES, TRAIN_LABELS])
def test_memory_does_not_grow_with_the_data(tmp_path, name):
    path, dataset = tmp_path / "a", Dataset({}, transposed=True, label_columns=8)
    if name == TRAIN_IMAGES:
        idx.write(path, np.zeros((30_000, 28, 28), np.uint8))
    else:
        write_int32(path, np.zeros((700_000, 8), np.int32))
    tracemalloc.start()
    try:
        pieces = canonical.read_pieces(path, name, dataset)
        size = sum(len(piece) for piece in pieces)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert size in (16 + 30_000 * 784, 8 + 700_000)
    assert peak < 8 << 20  # the files have more than 22 MB
