"""The user's own files are copied in canonical form, or one sentence says what is wrong."""

import gzip

import pytest
from src.ingest.local import copy_local

from src.common.errors import PipelineError
from src.ingest import catalog


@pytest.fixture
def archive(tmp_path, arrays, write_npz):
    write_npz(tmp_path / "archives/own.npz", arrays())
    return tmp_path / "archives/own.npz"


def snapshot(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzip"])
@pytest.mark.parametrize("ending", [".gz", "", ".GZ"])
@pytest.mark.parametrize(
    "rename",
    [str, str.upper, lambda name: name.replace("t10k-", "test-").replace("-idx", ".idx")],
    ids=["canonical", "upper case", "other names"],
)
def test_any_compression_and_name_is_accepted(tmp_path, own, target, rename, ending, pack):
    expected = snapshot(own)
    given = tmp_path / "given"
    given.mkdir()
    for name, content in expected.items():
        (given / f"{rename(name)}{ending}").write_bytes(pack(content))
    before = snapshot(given)
    assert copy_local([own / "missing", given], target) == given
    assert snapshot(target) == expected
    assert snapshot(given) == before


def test_an_archive_is_used_if_there_are_no_idx_files(own, archive, target):
    assert copy_local([archive.parent, own], target) == archive
    assert snapshot(target) == snapshot(own)


def test_idx_files_come_before_archives(own, archive, target):
    archive.rename(own / "own.npz")
    (own / "other.npz").write_bytes(b"damaged")
    assert copy_local([own], target) == own


def test_several_archives_are_refused(archive, target):
    (archive.parent / "other.npz").write_bytes(archive.read_bytes())
    with pytest.raises(PipelineError, match=r"archives has 2 \.npz files; put .* a single"):
        copy_local([archive.parent], target)


def test_a_damaged_archive_is_named(archive, target):
    archive.write_bytes(archive.read_bytes()[:-100])
    with pytest.raises(PipelineError, match=rf"{archive} is a damaged \.npz file"):
        copy_local([archive.parent], target)
    assert list(target.iterdir()) == []


def test_missing_files_are_named_with_their_folders(tmp_path, own, target):
    (own / "t10k-labels-idx1-ubyte").unlink()
    with pytest.raises(PipelineError) as error:
        copy_local([own, tmp_path / "two"], target)
    message = str(error.value)
    assert f"{own} lacks t10k-labels-idx1-ubyte;" in message
    assert f"{tmp_path / 'two'} has no dataset;" in message
    assert f"put all four files ({', '.join(catalog.NAMES)};" in message
    assert "into one of the folders" in message


def test_the_import_is_named_where_there_are_image_files(tmp_path, target):
    (tmp_path / "pictures/train/ant").mkdir(parents=True)
    (tmp_path / "pictures/train/ant/1.JPG").touch()
    message = "pictures has image files, but no dataset; .* `python -m src.apps.import_images"
    with pytest.raises(PipelineError, match=message):
        copy_local([tmp_path / "pictures"], target)


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"PNG...", "is not an IDX file"), (b"\0\0\x08\1\0\0\0\2a", "is truncated")],
)
def test_a_file_that_is_not_idx_is_named(own, target, content, message):
    path = own / "train-labels-idx1-ubyte"
    path.write_bytes(content)
    with pytest.raises(PipelineError, match=f"{path} {message}"):
        copy_local([own], target)
    assert {path.name for path in target.iterdir()} == {catalog.TRAIN_IMAGES}


def test_duplicates_must_be_equal(own, target):
    path, other = own / catalog.TEST_LABELS, own / "test-labels-idx1-ubyte.gz"
    other.write_bytes(gzip.compress(path.read_bytes()))
    assert copy_local([own], target) == own
    other.write_bytes(gzip.compress(path.read_bytes()[:-1] + b"\xff"))
    with pytest.raises(PipelineError, match=f"{path} and {other} .* contents differ"):
        copy_local([own], target)
