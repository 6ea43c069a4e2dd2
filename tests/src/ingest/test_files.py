"""The files of a folder are known by their names and their content, and are never changed."""

import gzip

import numpy as np
import pytest

from src.common.errors import PipelineError
from src.common.files import sha256
from src.ingest import catalog
from src.ingest.catalog import CATALOGUE, NAMES, TRAIN_IMAGES, TRAIN_LABELS
from src.ingest.files import ARRAYS, copy, copy_own, copy_published, find_files

IMAGES = np.arange(5 * 3 * 4, dtype=np.uint8).reshape(5, 3, 4)
RENAMED = {
    "canonical": str,
    "upper case": str.upper,
    "other names": lambda name: name.replace("t10k-", "test-").replace("-idx", ".idx"),
}


def snapshot(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def save(path, contents):
    np.savez_compressed(path, **{ARRAYS[name]: array for name, array in contents.items()})


def entry(checksums, **options):
    return catalog.Dataset(checksums, (), catalog.DIGITS, catalog.DRAWINGS, **options)


@pytest.fixture
def known(own, monkeypatch):
    """The checksums of the files in ``own`` are in the catalogue, as mnist."""
    monkeypatch.setitem(CATALOGUE, "mnist", entry(tuple(sha256(own / name) for name in NAMES)))


@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzip"])
@pytest.mark.parametrize("ending", [".gz", "", ".GZ"])
@pytest.mark.parametrize("rename", RENAMED.values(), ids=RENAMED)
def test_any_compression_and_name_is_accepted(known, tmp_path, own, target, rename, ending, pack):
    expected = snapshot(own)
    given = tmp_path / "given"
    given.mkdir()
    for name, content in expected.items():
        (given / f"{rename(name)}{ending}").write_bytes(pack(content))
    before = snapshot(given)
    assert copy_own([own / "missing", given], target) == given
    assert snapshot(target) == expected
    for path in target.iterdir():
        path.unlink()
    for name in NAMES:
        copy_published(given, name, "mnist", target)
    assert snapshot(target) == expected and snapshot(given) == before


def test_other_files_and_folders_are_ignored(own):
    for name in ("train-images-idx3-ubyte.zip", "old-train-images-idx3-ubyte", "images.png"):
        (own / name).write_bytes(b"")
    (own / "train-images.idx3-ubyte").mkdir()  # some programs unpack a file into such a folder
    assert find_files(own) == {name: [own / name] for name in NAMES}


# A published dataset


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"\0\0\x08\1\0\0\0\1a", r"wrong content \(the SHA-256 of the content differs\)"),
        (b"<html>", "is not an IDX file"),
        (gzip.compress(b"\0\0\x08\1\0\0\0\6abcdef", mtime=0)[:-9], "damaged gzip"),
        (b"\0\0\x08\3\0\0\0\2\0\0\0\1\0\0\0\1a", "is truncated"),
    ],
)
def test_a_wrong_file_is_refused(known, own, target, content, reason):
    (own / TRAIN_IMAGES).write_bytes(content)
    with pytest.raises(PipelineError, match=reason):
        copy_published(own, TRAIN_IMAGES, "mnist", target)
    with pytest.raises(PipelineError, match="no such file"):
        copy_published(own / "nowhere", TRAIN_IMAGES, "mnist", target)
    assert list(target.iterdir()) == []


def test_of_several_files_the_right_one_is_used(known, own, target):
    content = (own / TRAIN_IMAGES).read_bytes()
    (own / TRAIN_IMAGES).write_bytes(content[:-1] + b"?")
    (own / f"{TRAIN_IMAGES}.gz").write_bytes(gzip.compress(content))
    copy_published(own, TRAIN_IMAGES, "mnist", target)
    assert (target / TRAIN_IMAGES).read_bytes() == content


def test_without_a_known_content_the_published_gz_file_is_required(own, target, monkeypatch):
    content, packed = (own / TRAIN_IMAGES).read_bytes(), own / f"{TRAIN_IMAGES}.gz"
    packed.write_bytes(gzip.compress(content, mtime=0))
    monkeypatch.setitem(CATALOGUE, "kmnist", entry((sha256(packed),) * 4, is_packed=True))
    copy_published(own, TRAIN_IMAGES, "kmnist", target)
    assert (target / TRAIN_IMAGES).read_bytes() == content
    packed.write_bytes(gzip.compress(content, 1, mtime=1))
    with pytest.raises(PipelineError, match=r"the SHA-256 of the \.gz file differs"):
        copy_published(own, TRAIN_IMAGES, "kmnist", target)


# The user's dataset


def test_an_archive_is_used_if_there_are_no_idx_files(tmp_path, own, target, arrays):
    (tmp_path / "archives").mkdir()
    save(tmp_path / "archives/any.npz", arrays())
    assert copy_own([tmp_path / "archives", own], target) == tmp_path / "archives"
    assert snapshot(target) == snapshot(own)
    (own / "damaged.npz").touch()
    assert copy_own([own], target) == own
    (tmp_path / "archives/other.npz").touch()
    with pytest.raises(PipelineError, match=r"any\.npz and .*other\.npz are for the same file"):
        copy_own([tmp_path / "archives"], target)


def test_missing_files_are_named_with_their_folders(tmp_path, own, target):
    (own / "t10k-labels-idx1-ubyte").unlink()
    with pytest.raises(PipelineError) as error:
        copy_own([own, tmp_path / "two"], target)
    for part in (
        f"{own} lacks t10k-labels-idx1-ubyte;",
        f"{tmp_path / 'two'} lacks {', '.join(NAMES)}; put all four files",
        "`python -m src.apps.import_images",
    ):
        assert part in str(error.value)


# Arrays


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (IMAGES.astype(float), r"is float64 \[5, 3, 4\]; save it as uint8 \[N, H, W\]"),
        (np.array([{"a": 1}], object), "cannot be read .*allow_pickle=False"),
        (IMAGES[:, 0], r"is uint8 \[5, 4\]; save it as uint8 \[N, H, W\]"),
    ],
)
def test_other_arrays_are_refused(tmp_path, array, message):
    np.savez(tmp_path / "own.npz", x_train=array)
    with pytest.raises(PipelineError, match=f"own.npz, array x_train, .*{message}"):
        copy(tmp_path / "own.npz", TRAIN_IMAGES, tmp_path / "own")
    with pytest.raises(PipelineError, match=r"array y_train, .*; save x_train, y_train"):
        copy(tmp_path / "own.npz", TRAIN_LABELS, tmp_path / "own")
    (tmp_path / "own.npz").write_bytes((tmp_path / "own.npz").read_bytes()[:-30])
    with pytest.raises(PipelineError, match=r"own\.npz, array y_train, cannot"):
        copy(tmp_path / "own.npz", TRAIN_LABELS, tmp_path / "own")
