"""Damaged, altered and malicious files."""

import gzip
import os
import struct
import subprocess
import sys
import zipfile

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from src.ingest.folders import sources_in
from src.ingest.local import copy_local
from src.ingest.properties import read_properties
from src.ingest.sources import SourceError

from src.common.errors import PipelineError
from src.ingest import catalog, idx
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


EVERY_FAULT = os.environ.get("FAULTS") == "all"


def packed(content: bytes, cut: int, flipped: int) -> bytes:
    data = bytearray(gzip.compress(content, mtime=0))
    if flipped:
        data[flipped % len(data)] ^= 1 << flipped % 8
    return bytes(data[: len(data) - cut % len(data)])


contents = st.one_of(
    plain, st.builds(packed, plain, st.sampled_from([0, 0, 1, 9]), st.integers(0, 2**16))
)


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    return tmp_path_factory.mktemp("fuzz") / "file"


@pytest.mark.fault(
    "An IDX file with any content: 100,000 files made by a fuzzer",
    sees="one sentence that names the file and the error",
    then="replace the file and run `dvc repro`; memory use never exceeds the size of the content",
)
@settings(
    max_examples=100_000 if EVERY_FAULT else 2_000,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)
@given(content=contents)
def test_any_content_gives_an_array_or_a_sentence(file, content):
    file.write_bytes(content)
    try:
        shape = idx.read_header(file)
        chunks = list(idx.read_chunks(file, 3))
    except idx.IdxError as error:
        assert str(file) in str(error) and "\n" not in str(error)
        return
    values = np.concatenate(chunks) if chunks else np.zeros(shape, np.uint8)
    assert values.shape == shape
    raw = gzip.decompress(content) if content[:2] == b"\x1f\x8b" else content
    assert raw == struct.pack(f">HBB{len(shape)}I", 0, 8, len(shape), *shape) + values.tobytes()


@pytest.mark.fault(
    "A header that states 4 billion images; 1 GB of zeros in 1 MB of gzip",
    sees="one sentence",
    then="as above; both need less than 300 MB of memory",
)
@pytest.mark.parametrize("bomb", ["claim", "zeros"])
def test_a_huge_claimed_size_costs_no_memory(tmp_path, bomb):
    path = tmp_path / "train-images-idx3-ubyte"
    header = struct.pack(">HBB3I", 0, 8, 3, 2**32 - 1, 28, 28)
    if bomb == "claim":
        path.write_bytes(header + b"\0" * 4)
    else:
        with gzip.open(path, "wb", compresslevel=9) as file:
            file.write(struct.pack(">HBB3I", 0, 8, 3, 1000, 28, 28))
            for _ in range(1000):
                file.write(b"\0" * 1_000_000)
    code = (
        f"import resource; resource.setrlimit(resource.RLIMIT_DATA, (300 << 20,) * 2)\n"
        f"from src.ingest import idx\nfrom pathlib import Path\n"
        f"try:\n    print(sum(len(c) for c in idx.read_chunks(Path({str(path)!r}), 1000)))\n"
        f"except idx.IdxError as error:\n    print(error)"
    )
    limited = {"OPENBLAS_NUM_THREADS": "1"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=limited)
    assert done.returncode == 0, done.stderr
    assert ("truncated" if bomb == "claim" else "too long") in done.stdout


@pytest.mark.fault(
    "A named pipe or a loop of links in place of a file of the dataset",
    sees="as if the file were missing; a pipe in `data/incoming`: nothing, because `dvc` waits",
    then="the next source is used; remove the pipe",
)
@pytest.mark.parametrize("kind", ["pipe", "loop", "folder"])
def test_what_is_no_file_is_not_opened(own, target, kind):
    make = {
        "pipe": os.mkfifo,
        "loop": lambda path: path.symlink_to(path),
        "folder": lambda path: path.mkdir(),
    }
    path = own / catalog.TRAIN_LABELS
    path.unlink()
    make[kind](path)
    with pytest.raises(PipelineError, match=f"lacks {path.name};"):
        copy_local([own], target)
    with pytest.raises(idx.IdxError, match="is missing or is not a file"):
        idx.read_header(path)
    for name in ("emnist-letters.npz", "gzip.zip"):
        make[kind](own / name)
    sources = sources_in(own, "emnist-letters")
    assert [source.path for source in sources] == [own]
    with pytest.raises(SourceError):
        sources[0].fetch(catalog.TRAIN_LABELS, catalog.CATALOGUE["emnist-letters"], target)
    if kind != "loop":
        for name in ("labels.txt", "conversion.json"):
            make[kind](own / name)
            with pytest.raises(PipelineError, match=rf"{name} cannot be read \(not a file\);"):
                read_properties(own)
            (own / name).rmdir() if kind == "folder" else (own / name).unlink()


@pytest.mark.fault(
    "A folder in `data.folders` that cannot be: `~nosuchuser/x`, a loop of links, a NUL, 300 "
    "characters",
    sees="`error: data.folders has …, where no folder can be (…); correct it in params.yaml`",
    then="nothing is downloaded",
)
@pytest.mark.parametrize("folder", ["~nosuchuser/x", "loop", "loop/x", "a\0b", "x" * 300])
def test_a_folder_that_cannot_be_is_refused(tmp_path, target, monkeypatch, data_params, folder):
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    message = r"^data\.folders has '.*', where no folder can be \(.*\); correct it in params.yaml$"
    with pytest.raises(PipelineError, match=message):
        download(data_params(folders=[folder]), target)
    download(data_params(folders=["missing"], fallback="digits"), target)


def cut_in_half(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def rubbish(path):
    path.write_bytes(b"\x00\xff rubbish \x93" * 20)


def empty(path):
    path.write_bytes(b"")


def with_code(path):
    """Write a model with a lambda layer: Python code, which Keras' safe mode refuses."""
    import keras

    model = keras.Sequential([keras.Input((28, 28)), keras.layers.Lambda(lambda x: x)])
    model.save(path)
    with zipfile.ZipFile(path) as archive:
        assert "lambda" in archive.read("config.json").decode().lower()


def other_columns(path):
    path.write_text("a,b\n1,2\n")


def a_pickle(path):
    np.save(path, np.array([{"a": 1}], object), allow_pickle=True)


def other_shape(path):
    np.save(path, np.zeros((3, 3), np.uint8))


ALTERED = [
    ("models/mlp/mlp_65x2/history.csv", other_columns),
    ("data/processed/test/test_images.npy", cut_in_half),
    ("data/processed/test/test_images.npy", rubbish),
    ("data/processed/test/test_labels.npy", a_pickle),
    ("data/processed/training/validation_images.npy", other_shape),
    ("data/processed/training/dataset.json", rubbish),
    ("models/mlp/mlp_65x2/model.keras", cut_in_half),
    ("models/mlp/mlp_65x2/model.keras", empty),
    ("models/mlp/mlp_65x2/model.keras", with_code),
    ("models/mlp/mlp_65x2/history.csv", rubbish),
    ("models/mlp/mlp_65x2/training.json", cut_in_half),
]


@pytest.mark.slow
@pytest.mark.fault(
    "`.npy`, `.keras`, `history.csv` or `training.json` is altered, truncated, empty or has code",
    sees="from the stage that reads it: `error: <file> is damaged …; run …`",
    then="`dvc repro` detects the change and restores the file from DVC's cache",
)
@pytest.mark.first_cases(1)
@pytest.mark.parametrize(
    ("path", "fault"),
    [
        pytest.param(path, fault, id=f"{path.rsplit('/')[-1]} {fault.__name__}")
        for path, fault in ALTERED
    ],
)
def test_altered_files(results_there, shell, recovers, path, fault):
    altered = results_there / path
    altered.chmod(0o644)
    fault(altered)
    stage = ["stages.train", "mlp"] if "validation" in path else ["stages.evaluate"]
    done = shell(["python", "-m", *stage], results_there, fails=True)
    assert "Traceback" not in done.stderr, done.stderr
    (line,) = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert altered.name in line and "dvc repro" in line
    recovers(results_there)


def damage_cached(checkout, path):
    """Change one byte of a file in DVC's cache, which keeps its time and mode; restore it."""
    content = (checkout / path).read_bytes()
    cached = (each for each in (checkout / ".dvc/cache/files").rglob("*") if each.is_file())
    (copy,) = [each for each in cached if each.read_bytes() == content]
    stat = copy.stat()
    copy.chmod(0o644)
    copy.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    copy.chmod(stat.st_mode)
    os.utime(copy, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    (checkout / path).unlink()


@pytest.mark.slow
@pytest.mark.fault(
    "A file of `data/processed` is damaged in DVC's cache; a model has other weights than recorded",
    sees="from the stage that reads it: `error: <file> is damaged …` or `cannot be read …`",
    then="`dvc repro --force preprocess`, or `dvc repro -f train@<family>`, makes it again; images "
    "of more than 1 GB are not verified",
)
def test_damage_in_the_cache_is_noticed(results_there, shell, recovers):
    damage_cached(results_there, "data/processed/test/test_labels.npy")
    shell(["dvc", "checkout"], results_there)
    done = shell(["dvc", "repro", "--force", "evaluate", "-s"], results_there, fails=True)
    assert "error: data/processed/test/test_labels.npy is damaged (its content is not" in (
        done.stderr
    )
    assert "run `dvc repro --force preprocess`, then `dvc repro`" in done.stderr
    shell(["dvc", "repro", "--force", "-s", "preprocess"], results_there)
    recovers(results_there)


@pytest.mark.slow
@pytest.mark.make_faults
def test_an_altered_checkpoint_is_discarded(results_there, shell, expected, results):
    (checkpoint,) = (results_there / ".checkpoints").glob("mlp_dropout-*.npz")
    cut_in_half(checkpoint)
    done = shell(["python", "-m", "stages.train", "mlp"], results_there)
    assert "mlp_dropout: the checkpoint cannot be read" in done.stderr
    assert results(results_there) == expected
