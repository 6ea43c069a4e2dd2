import gzip
import struct
import tracemalloc

import numpy as np
import pytest

from src.common.errors import PipelineError
from src.ingest import idx

IMAGES = np.arange(5 * 3 * 4, dtype=np.uint8).reshape(5, 3, 4)


def header(*dimensions, zeros=b"\0\0", kind=8, count=None):
    count = len(dimensions) if count is None else count
    return zeros + bytes([kind, count]) + struct.pack(f">{len(dimensions)}I", *dimensions)


def write(path, array):
    idx.write(path, array)
    if path.suffix == ".gz":
        path.write_bytes(gzip.compress(path.read_bytes()))


def read(path, items_per_chunk=2):
    return np.concatenate(list(idx.read_chunks(path, items_per_chunk)))


@pytest.mark.parametrize("name", ["plain", "packed.gz"])
@pytest.mark.parametrize("array", [IMAGES, IMAGES[:, 0, 0], IMAGES[:, 0]], ids=["3d", "1d", "2d"])
@pytest.mark.parametrize("items_per_chunk", [1, 2, 5, 100])
def test_what_was_written_is_read_whatever_the_chunks(tmp_path, name, array, items_per_chunk):
    path = tmp_path / name
    write(path, array)
    chunks = list(idx.read_chunks(path, items_per_chunk))
    assert idx.read_header(path) == array.shape
    assert all(chunk.dtype == np.uint8 and len(chunk) <= items_per_chunk for chunk in chunks)
    np.testing.assert_array_equal(np.concatenate(chunks), array)


def test_the_bytes_are_those_of_the_format(tmp_path):
    idx.write(tmp_path / "labels", np.array([7, 0, 255], np.uint8))
    assert (tmp_path / "labels").read_bytes() == b"\0\0\x08\x01\0\0\0\x03\x07\0\xff"


def test_compression_is_seen_in_the_content_not_the_name(tmp_path):
    write(tmp_path / "a.gz", IMAGES)
    (tmp_path / "a.gz").rename(tmp_path / "packed")
    idx.write(tmp_path / "plain", IMAGES)
    (tmp_path / "plain").rename(tmp_path / "plain.gz")
    np.testing.assert_array_equal(read(tmp_path / "packed"), IMAGES)
    np.testing.assert_array_equal(read(tmp_path / "plain.gz"), IMAGES)


@pytest.mark.parametrize("name", ["plain", "packed.gz"])
def test_the_pieces_are_the_uncompressed_file(tmp_path, monkeypatch, name):
    monkeypatch.setattr(idx, "READ_BYTES", 7)
    write(tmp_path / name, IMAGES)
    pieces = list(idx.read_pieces(tmp_path / name))
    assert len(pieces) == 1 + 9  # the header, and 60 bytes
    assert b"".join(pieces) == header(*IMAGES.shape) + IMAGES.tobytes()


def test_no_items_are_no_chunks(tmp_path):
    (tmp_path / "empty").write_bytes(header(0, 28, 28))
    assert list(idx.read_chunks(tmp_path / "empty", 10)) == []


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "begins with nothing"),
        (b"\0\0\x08", "is not an IDX file: it begins with 00 00 08 instead"),
        (b"<!DOCTYPE html>", "is not an IDX file"),
        (header(1, zeros=b"\0\x01"), "is not an IDX file"),
        (header(2, kind=0x0D) + b"\0" * 8, "type 0x0d; only unsigned bytes"),
        (header(count=0), "has 0 dimensions"),
        (header(1, 1, 1, 1) + b"\0", "has 4 dimensions"),
        (header(5, 3, count=3), "ends within its header"),
        (header(5, 0, 28), "has the shape 5 × 0 × 28: items without values"),
        (header(5, 3, 4) + b"\0" * 59, "states 5 × 3 × 4 = 60 bytes of data, but only 59"),
        (header(5, 3, 4), "but only 0 are there"),
        (
            header(5, 3, 4) + b"\0" * 61,
            "too long: there is more data after the 5 × 3 × 4",
        ),
    ],
)
@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzip"])
def test_an_error_is_one_sentence_that_names_the_file(tmp_path, content, message, pack):
    path = tmp_path / "train-images"
    path.write_bytes(pack(content))
    for reader in (read, lambda path: list(idx.read_pieces(path))):
        with pytest.raises(idx.IdxError) as caught:
            reader(path)
        assert message in str(caught.value) and str(path) in str(caught.value)
        assert isinstance(caught.value, PipelineError)


def damaged(packed, fault):
    return {
        "cut off": packed[:-20],
        "trailer missing": packed[:-8],
        "checksum": packed[:-8] + b"\1\2\3\4" + packed[-4:],
        "deflate": packed[:10] + b"\xff" * (len(packed) - 10),
        "rubbish behind": packed + b"rubbish",
        "magic only": packed[:2],
    }[fault]


@pytest.mark.parametrize(
    "fault", ["cut off", "trailer missing", "checksum", "deflate", "rubbish behind", "magic only"]
)
def test_damaged_gzip_is_reported(tmp_path, fault):
    images = np.random.default_rng(0).integers(0, 256, (50, 9, 9), np.uint8)
    content = header(*images.shape) + images.tobytes()
    path = tmp_path / "images.gz"
    path.write_bytes(damaged(gzip.compress(content), fault))
    for reader in (read, lambda path: list(idx.read_pieces(path))):
        with pytest.raises(idx.IdxError, match=r"images\.gz is damaged gzip .*; get the file"):
            reader(path)


def test_a_file_that_cannot_be_read_is_reported(tmp_path):
    path = tmp_path / "images"
    path.symlink_to("/proc/self/mem")  # an error of the first read, also as root
    with pytest.raises(idx.IdxError, match=r"images cannot be read \(Input/output error\); allow"):
        read(path)


@pytest.mark.parametrize("place", ["nowhere", "."])
def test_a_missing_file_is_reported(tmp_path, place):
    with pytest.raises(idx.IdxError, match="is missing or is not a file"):
        idx.read_header(tmp_path / place)


@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzip"])
@pytest.mark.parametrize(
    "dimensions", [(2**32 - 1, 28, 28), (1, 2**32 - 1, 2**32 - 1), (2**32 - 1,)]
)
def test_a_wrong_size_in_the_header_costs_no_memory(tmp_path, pack, dimensions):
    path = tmp_path / "lying"
    path.write_bytes(pack(header(*dimensions) + b"\0\0\0\0"))
    tracemalloc.start()
    try:
        with pytest.raises(idx.IdxError, match="truncated"):
            read(path, items_per_chunk=2**32)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 8 << 20


def test_memory_is_bounded_by_the_chunk(tmp_path):
    path = tmp_path / "large.gz"
    write(path, np.zeros((40_000, 28, 28), np.uint8))
    tracemalloc.start()
    try:
        assert sum(len(chunk) for chunk in idx.read_chunks(path, 1000)) == 40_000
        assert sum(len(piece) for piece in idx.read_pieces(path)) == 16 + 40_000 * 784
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 8 << 20  # all images are 31 MB


@pytest.mark.parametrize("array", [np.zeros(3), np.uint8(3), np.zeros((1, 1, 1, 1), np.uint8)])
def test_only_bytes_in_one_to_three_dimensions_are_written(tmp_path, array):
    with pytest.raises(ValueError, match="expected uint8 in 1 to 3 dimensions"):
        idx.write(tmp_path / "x", np.asarray(array))


@pytest.mark.parametrize("array", [IMAGES, IMAGES[:, 0, 0]], ids=["3d", "1d"])
@pytest.mark.parametrize("cuts", [[], [2], [0, 3, 3]])
def test_items_are_appended(tmp_path, array, cuts):
    idx.write(tmp_path / "expected", array)
    with idx.appending(tmp_path / "file", array.shape[1:]) as append:
        for part in np.split(array, cuts):
            append(part)
    assert (tmp_path / "file").read_bytes() == (tmp_path / "expected").read_bytes()
