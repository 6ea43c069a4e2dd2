"""Local folders are read and never changed; only the right files are copied."""

import pytest

from src.common.errors import PipelineError
from src.common.files import sha256
from src.ingest import catalog
from src.ingest.folders import Folder, SourceError, copy_local

FIRST = catalog.GZIP_NAMES[0]


@pytest.fixture
def target(tmp_path):
    folder = tmp_path / "raw"
    folder.mkdir()
    return folder


@pytest.fixture
def own(tmp_path):
    return tmp_path / "own"


def test_a_file_with_the_right_checksum_is_copied(own, target, arrays, write_set):
    checksums = write_set(own, arrays())
    Folder(own).fetch(FIRST, checksums[FIRST], target)
    assert [path.name for path in target.iterdir()] == [FIRST]
    assert sha256(target / FIRST) == sha256(own / FIRST) == checksums[FIRST]


def test_another_file_is_not_copied_and_not_changed(own, target, arrays, write_set):
    checksums = write_set(own, arrays())
    with pytest.raises(SourceError, match="wrong content") as error:
        Folder(own).fetch(FIRST, "0" * 64, target)
    assert not error.value.expected
    assert list(target.iterdir()) == []
    assert sha256(own / FIRST) == checksums[FIRST]


def test_a_missing_file_or_folder_is_no_reason_for_a_warning(own, target):
    with pytest.raises(SourceError, match="no such folder") as error:
        Folder(own).fetch(FIRST, "", target)
    assert error.value.expected
    own.mkdir()
    with pytest.raises(SourceError, match="no such file") as error:
        Folder(own).fetch(FIRST, "", target)
    assert error.value.expected


def test_an_unreadable_file_is_reported(own, target):
    (own / FIRST).mkdir(parents=True)
    with pytest.raises(SourceError, match="cannot be read: Is a directory") as error:
        Folder(own).fetch(FIRST, "", target)
    assert not error.value.expected


@pytest.mark.parametrize("ending", [".gz", ""])
@pytest.mark.parametrize("prefix", ["t10k-", "test-"])
def test_local_files_get_canonical_names(own, target, arrays, write_set, ending, prefix):
    write_set(own, {k.replace("t10k-", prefix): v for k, v in arrays().items()}, ending)
    folder, files = copy_local([own / "missing", own], target)
    assert folder == own
    assert list(files) == [f"{name}{ending}" for name in catalog.NAMES]
    for name, checksum in files.items():
        assert checksum == sha256(target / name) == sha256(own / name.replace("t10k-", prefix))


def test_local_names_end_in_gz_only_if_the_content_is_compressed(own, target, arrays, write_set):
    write_set(own, arrays())
    for path in own.glob("*.gz"):
        path.rename(path.with_suffix(""))
    assert list(copy_local([own], target)[1]) == list(catalog.GZIP_NAMES)


def test_missing_local_files_are_named_with_their_folders(tmp_path, target, arrays, write_set):
    one, two = tmp_path / "one", tmp_path / "two"
    write_set(one, arrays())
    (one / "t10k-labels-idx1-ubyte.gz").unlink()
    with pytest.raises(PipelineError) as error:
        copy_local([one, two], target)
    message = str(error.value)
    assert f"{one} lacks t10k-labels-idx1-ubyte;" in message
    assert f"{two} lacks {', '.join(catalog.NAMES)};" in message
    assert "put all four files into one of the folders" in message


def test_a_local_file_that_is_not_idx_is_named(own, target, arrays, write_set):
    write_set(own, arrays())
    path = own / "train-labels-idx1-ubyte.gz"
    path.write_bytes(b"PNG...")
    with pytest.raises(PipelineError, match=f"{path} is not an IDX file"):
        copy_local([own], target)
