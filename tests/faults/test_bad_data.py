"""Damaged, altered and malicious files."""

import gzip
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from src.common.errors import PipelineError
from src.ingest import idx
from src.ingest.download import download

headers = st.builds(
    lambda zeros, kind, sizes: struct.pack(f">HBB{len(sizes)}I", zeros, kind, len(sizes), *sizes),
    st.sampled_from([0, 0, 0, 1]),
    st.sampled_from([8, 8, 8, 9, 13]),
    st.lists(st.one_of(st.integers(0, 6), st.integers(0, 2**32 - 1)), max_size=4),
)
plain = st.one_of(
    st.binary(max_size=64),
    st.builds(lambda head, body: head + body, headers, st.binary(max_size=80)),
)


def packed(content: bytes, cut: int, flipped: int) -> bytes:
    data = bytearray(gzip.compress(content, mtime=0))
    data[flipped % len(data)] ^= 1 << flipped % 8 if flipped else 0
    return bytes(data[: len(data) - cut % len(data)])


zipped = st.builds(packed, plain, st.sampled_from([0, 0, 1, 9]), st.integers(0, 2**16))


@settings(max_examples=500, deadline=None, derandomize=True, database=None)
@given(content=st.one_of(plain, zipped))
def test_any_content_gives_an_array_or_a_sentence(tmp_path_factory, content):
    file = tmp_path_factory.getbasetemp() / "fuzz"
    file.write_bytes(content)
    try:
        idx.unpack(file, file.with_name("unpacked"))
        values = idx.read(file.with_name("unpacked"))
    except PipelineError as error:
        assert str(file) in str(error) and "\n" not in str(error)
        return
    raw = gzip.decompress(content) if content[:2] == b"\x1f\x8b" else content
    assert raw == idx.header(values.shape) + values.tobytes()


@pytest.mark.parametrize("folder", ["~nosuchuser/x", "loop/x", "a\0b", "x" * 300])
def test_a_folder_that_cannot_be_is_a_missing_folder(
    tmp_path, target, monkeypatch, data_params, folder
):
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    with pytest.raises(PipelineError, match=r"could not be downloaded:\n.*: no such file"):
        download(data_params(folders=[folder]), target)


@pytest.mark.slow
@pytest.mark.parametrize(
    "path", ["data/processed/test/test_images.npy", "models/mlp/mlp_65x2/model.keras"]
)
def test_altered_files(results_there, shell, recovers, path):
    altered = results_there / path
    altered.chmod(0o644)
    altered.write_bytes(altered.read_bytes()[: altered.stat().st_size // 2])
    done = shell(["python", "-m", "stages.evaluate"], results_there, fails=True)
    (line,) = [line for line in done.stderr.splitlines() if line.startswith(("error: ", "Trace"))]
    assert altered.name in line and "dvc repro" in line
    recovers(results_there)
