"""A file is written completely and with the right content, or not at all."""

import hashlib

import pytest
from src.ingest.sources import SourceError, has_checksum, write_verified

CHECKSUM = hashlib.sha256(b"one two").hexdigest()


@pytest.mark.parametrize("checksum", [CHECKSUM, None])
def test_the_pieces_are_written(tmp_path, checksum):
    write_verified([b"one ", b"two"], checksum, tmp_path / "a")
    assert (tmp_path / "a").read_bytes() == b"one two"


def test_an_error_leaves_no_file(tmp_path):
    def broken():
        yield b"one "
        raise OSError

    with pytest.raises(SourceError, match="wrong content"):
        write_verified([b"one"], CHECKSUM, tmp_path / "a")
    with pytest.raises(OSError):
        write_verified(broken(), CHECKSUM, tmp_path / "a")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("checksum", [CHECKSUM, f"md5:{hashlib.md5(b'one two').hexdigest()}"])
def test_a_checksum_names_its_algorithm(tmp_path, checksum):
    (tmp_path / "a").write_bytes(b"one two")
    assert has_checksum(tmp_path / "a", checksum)
    (tmp_path / "a").write_bytes(b"one twO")
    assert not has_checksum(tmp_path / "a", checksum)
