"""IDX files are unpacked, read and written, or one sentence says what is wrong."""

import gzip
import struct

import numpy as np
import pytest

from src.common.errors import PipelineError
from src.ingest import idx

IMAGES = np.arange(5 * 3 * 4, dtype=np.uint8).reshape(5, 3, 4)
PACK = pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzip"])


def header(*dimensions, kind=8, count=None):
    count = len(dimensions) if count is None else count
    return bytes([0, 0, kind, count]) + struct.pack(f">{len(dimensions)}I", *dimensions)


@pytest.fixture
def unpack(tmp_path):
    """Write content to a file, and unpack it; return the path of the copy."""

    def unpack_content(content):
        (tmp_path / "train-images").write_bytes(content)
        idx.unpack(tmp_path / "train-images", tmp_path / "unpacked")
        return tmp_path / "unpacked"

    return unpack_content


@PACK
@pytest.mark.parametrize("array", [IMAGES, IMAGES[:, 0, 0], IMAGES[:0]], ids=["3d", "1d", "none"])
def test_what_was_written_is_read(tmp_path, unpack, array, pack):
    idx.write(tmp_path / "file", array)
    content = (tmp_path / "file").read_bytes()
    assert content == header(*array.shape) + array.tobytes()
    copy = unpack(pack(content))
    assert idx.read_header(copy) == array.shape
    np.testing.assert_array_equal(idx.read(copy), array)
    np.testing.assert_array_equal(idx.read(copy, 2, 2), array[2:4])
    np.testing.assert_array_equal(idx.read(copy, 3, 9), array[3:])


@PACK
@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "begins with nothing"),
        (b"\0\0\x08", "is not an IDX file of unsigned bytes .* begins with 00 00 08;"),
        (header(2, kind=0x0D) + b"\0" * 8, "begins with 00 00 0d 01"),
        (header(1, 1, 1, 1) + b"\0", "is not an IDX file"),
        (header(5, 3, count=3), "is not an IDX file"),
        (header(5, 0, 28), "its header states 5 × 0 × 28 = 0 bytes"),
        (header(5, 3, 4) + b"\0" * 59, "too long: its header states 5 × 3 × 4 = 60 bytes"),
        (header(2**32 - 1, 28, 28) + b"\0" * 4, "is truncated"),
        (header(5, 3, 4) + b"\0" * 61, "too long: its header states 5 × 3 × 4"),
        (gzip.compress(header(3) + b"abc", mtime=0), "is compressed twice with gzip; decompress"),
    ],
)
def test_an_error_is_one_sentence_that_names_the_file(tmp_path, unpack, content, message, pack):
    if content[:2] == b"\x1f\x8b":
        pack = gzip.compress
    with pytest.raises(PipelineError, match=f"{tmp_path / 'train-images'} .*{message}") as error:
        unpack(pack(content))
    assert "\n" not in str(error.value)


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
def test_damaged_gzip_is_reported(unpack, damage):
    images = np.random.default_rng(0).integers(0, 256, (50, 9, 9), np.uint8)
    with pytest.raises(PipelineError, match=r"images is damaged gzip \(.*\); get the file again"):
        unpack(damage(gzip.compress(header(*images.shape) + images.tobytes())))


def test_a_file_is_not_unpacked_much_further_than_its_header_states(tmp_path):
    path, target = tmp_path / "large.gz", tmp_path / "large"
    path.write_bytes(gzip.compress(header(5, 3, 4) + b"\0" * 10_000_000))
    with pytest.raises(PipelineError, match="too long"):
        idx.unpack(path, target)
    assert target.stat().st_size < 2_000_000
