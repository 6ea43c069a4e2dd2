"""IDX files are read in parts, plain or gzip, or one sentence says what is wrong."""

import gzip
import struct
import tracemalloc

import numpy as np
import pytest

from src.common.errors import PipelineError
from src.ingest import idx

IMAGES = np.arange(5 * 3 * 4, dtype=np.uint8).reshape(5, 3, 4)
PACK = pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzip"])


def header(*dimensions, kind=8, count=None):
    count = len(dimensions) if count is None else count
    return bytes([0, 0, kind, count]) + struct.pack(f">{len(dimensions)}I", *dimensions)


@PACK
@pytest.mark.parametrize("array", [IMAGES, IMAGES[:, 0, 0], IMAGES[:0]], ids=["3d", "1d", "none"])
@pytest.mark.parametrize("chunk_bytes", [1, 25, 1 << 20])
def test_what_was_written_is_read_whatever_the_chunks(
    tmp_path, monkeypatch, array, pack, chunk_bytes
):
    monkeypatch.setattr(idx, "CHUNK_BYTES", chunk_bytes)
    idx.write(tmp_path / "file", array)
    content = (tmp_path / "file").read_bytes()
    assert content == header(*array.shape) + array.tobytes()
    (tmp_path / "file").write_bytes(pack(content))
    assert idx.read_header(tmp_path / "file") == array.shape
    np.testing.assert_array_equal(idx.read(tmp_path / "file"), array)
    item = array[:1].nbytes
    assert all(each.nbytes <= max(item, chunk_bytes) for each in idx.read_chunks(tmp_path / "file"))


@PACK
@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "begins with nothing"),
        (b"\0\0\x08", "is not an IDX file of unsigned bytes .* begins with 00 00 08;"),
        (header(2, kind=0x0D) + b"\0" * 8, "begins with 00 00 0d 01"),
        (header(1, 1, 1, 1) + b"\0", "is not an IDX file"),
        (header(5, 3, count=3), "is not an IDX file"),
        (header(5, 0, 28), "has the shape 5 × 0 × 28, but images have 1 to 4,096"),
        (header(1, 2**32 - 1, 28), "has the shape 1 × 4,294,967,295 × 28"),
        (header(5, 3, 4) + b"\0" * 59, "too long: its header states 5 × 3 × 4 = 60 bytes"),
        (header(2**32 - 1, 28, 28) + b"\0" * 4, "is truncated"),
        (header(5, 3, 4) + b"\0" * 61, "too long: its header states 5 × 3 × 4"),
    ],
)
def test_an_error_is_one_sentence_that_names_the_file(tmp_path, content, message, pack):
    path = tmp_path / "train-images"
    path.write_bytes(pack(content))
    tracemalloc.start()
    try:
        with pytest.raises(PipelineError, match=f"{path} .*{message}") as error:
            idx.read(path)
        assert tracemalloc.get_traced_memory()[1] < 8 << 20  # whatever the header states
    finally:
        tracemalloc.stop()
    assert "\n" not in str(error.value)


def test_a_file_that_is_compressed_twice_is_reported(tmp_path):
    path = tmp_path / "images.gz"
    path.write_bytes(gzip.compress(gzip.compress(header(3) + b"abc")))
    with pytest.raises(PipelineError, match=r"images\.gz is compressed twice with gzip; decomp"):
        idx.read(path)


@pytest.mark.parametrize(
    "damage",
    [
        lambda packed: packed[:-20],
        lambda packed: packed[:-8] + b"\1\2\3\4" + packed[-4:],
        lambda packed: packed[:10] + b"\xff" * (len(packed) - 10),
        lambda packed: packed + b"rubbish",
    ],
    ids=["cut off", "checksum", "deflate", "rubbish behind"],
)
def test_damaged_gzip_is_reported(tmp_path, damage):
    images = np.random.default_rng(0).integers(0, 256, (50, 9, 9), np.uint8)
    path = tmp_path / "images.gz"
    path.write_bytes(damage(gzip.compress(header(*images.shape) + images.tobytes())))
    with pytest.raises(PipelineError, match=r"images\.gz cannot be read \(damaged gzip: .*; get"):
        idx.read(path)


@pytest.mark.parametrize("place", ["nowhere", "."])
def test_a_file_that_cannot_be_read_is_reported(tmp_path, place):
    with pytest.raises(PipelineError, match=r"cannot be read \(.*\); get the file again"):
        idx.read_header(tmp_path / place)
