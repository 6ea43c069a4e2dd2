"""Files of published datasets are known by their content, and folders are never changed."""

import gzip

import pytest
from src.ingest.folders import Archive, Folder, sources_in
from src.ingest.sources import SourceError

from src.common.errors import PipelineError
from src.common.files import sha256
from src.ingest import catalog
from src.ingest.catalog import TEST_IMAGES, TRAIN_IMAGES, Dataset, PublishedFile

ZEROS = "0" * 64


def dataset(gzip_checksum, content):
    """A dataset whose files all have these checksums."""
    return Dataset({name: PublishedFile(name, gzip_checksum, content) for name in catalog.NAMES})


UNKNOWN = dataset(ZEROS, ZEROS)


def known(path):
    return dataset(ZEROS, sha256(path))


def gzip_with_a_name(content):
    return gzip.compress(content, compresslevel=1, mtime=1)


def gzip_without_a_time(content):
    return gzip.compress(content, mtime=0)


PACKED = {"plain": bytes, "gzip": gzip_without_a_time, "other gzip": gzip_with_a_name}
NAMES = {
    "train-images-idx3-ubyte": TRAIN_IMAGES,
    "train-images.idx3-ubyte": TRAIN_IMAGES,
    "TRAIN-IMAGES-IDX3-UBYTE": TRAIN_IMAGES,
    "Train-Images.idx3-ubyte": TRAIN_IMAGES,
    "t10k-images.idx3-ubyte": TEST_IMAGES,
    "test-images-idx3-ubyte": TEST_IMAGES,
    "TEST-images.IDX3-ubyte": TEST_IMAGES,
}


@pytest.mark.parametrize("ending", ["", ".gz", ".GZ"])
@pytest.mark.parametrize("pack", PACKED.values(), ids=PACKED)
@pytest.mark.parametrize(("file", "name"), NAMES.items(), ids=NAMES)
def test_any_compression_and_name_is_accepted(own, target, file, name, pack, ending):
    content = (own / name).read_bytes()
    checksums = known(own / name)
    (own / name).unlink()
    (own / f"{file}{ending}").write_bytes(pack(content))
    Folder(own).fetch(name, checksums, target)
    assert [path.name for path in target.iterdir()] == [name]
    assert (target / name).read_bytes() == content
    assert (own / f"{file}{ending}").read_bytes() == pack(content)


@pytest.mark.parametrize("pack", PACKED.values(), ids=PACKED)
def test_a_file_of_another_dataset_is_refused(own, target, pack):
    content = pack((own / TRAIN_IMAGES).read_bytes())
    (own / TRAIN_IMAGES).write_bytes(content)
    with pytest.raises(SourceError, match=r"wrong content \(its SHA-256 differs\)") as error:
        Folder(own).fetch(TRAIN_IMAGES, UNKNOWN, target)
    assert not error.value.expected
    assert list(target.iterdir()) == []
    assert (own / TRAIN_IMAGES).read_bytes() == content


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"<html>", "is not an IDX file"),
        (gzip.compress(b"\0\0\x08\1\0\0\0\6abcdef", mtime=0)[:-9], "is damaged gzip"),
        (b"\0\0\x08\1\0\0\0\2a", "is truncated"),
    ],
)
def test_a_damaged_file_leaves_no_partial_file(own, target, content, reason):
    (own / TRAIN_IMAGES).write_bytes(content)
    with pytest.raises(SourceError, match=f"{own / TRAIN_IMAGES} {reason}"):
        Folder(own).fetch(TRAIN_IMAGES, UNKNOWN, target)
    assert list(target.iterdir()) == []


def test_a_missing_file_or_folder_is_no_reason_for_a_warning(own, target):
    (own / TRAIN_IMAGES).unlink()
    for folder, reason in ((own, "no such file"), (own / "nowhere", "no such folder")):
        with pytest.raises(SourceError, match=reason) as error:
            Folder(folder).fetch(TRAIN_IMAGES, UNKNOWN, target)
        assert error.value.expected


def test_an_unreadable_file_is_reported(own, target):
    (own / TRAIN_IMAGES).unlink()
    (own / TRAIN_IMAGES).symlink_to("/proc/self/mem")  # an error of the first read, also as root
    with pytest.raises(SourceError, match="cannot be read") as error:
        Folder(own).fetch(TRAIN_IMAGES, UNKNOWN, target)
    assert not error.value.expected


# Where only the checksum of the published .gz file is known


def test_without_a_known_content_the_published_gz_file_is_required(own, target):
    content = (own / TRAIN_IMAGES).read_bytes()
    packed = own / f"{TRAIN_IMAGES}.gz"
    packed.write_bytes(gzip.compress(content, mtime=0))
    checksums = dataset(sha256(packed), None)
    Folder(own).fetch(TRAIN_IMAGES, checksums, target)  # next to an equal, plain file
    assert (target / TRAIN_IMAGES).read_bytes() == content
    (target / TRAIN_IMAGES).unlink()
    for other in (content, gzip_with_a_name(content)):
        packed.write_bytes(other)
        with pytest.raises(SourceError, match=r"wrong content .* not the published \.gz file"):
            Folder(own).fetch(TRAIN_IMAGES, checksums, target)
    assert list(target.iterdir()) == []


# Several files for the same name


def test_equal_duplicates_are_one_file(own, target, capsys):
    content = (own / TRAIN_IMAGES).read_bytes()
    (own / "TRAIN-images.idx3-ubyte").write_bytes(content)
    (own / f"{TRAIN_IMAGES}.gz").write_bytes(gzip.compress(content))
    Folder(own).fetch(TRAIN_IMAGES, known(own / TRAIN_IMAGES), target)
    assert (target / TRAIN_IMAGES).read_bytes() == content
    first, *others = sorted(
        path for path in own.iterdir() if path.name.lower()[:12] == "train-images"
    )
    assert capsys.readouterr().out == (
        f"{first} is used; the content of {others[0]}, {others[1]} is the same\n"
    )


def test_different_duplicates_are_refused(own, target):
    content = (own / TRAIN_IMAGES).read_bytes()
    other = own / f"{TRAIN_IMAGES}.gz"
    other.write_bytes(gzip.compress(content[:-1] + bytes([content[-1] ^ 1])))
    message = f"{own / TRAIN_IMAGES} and {other} are for the same file, but their contents differ;"
    with pytest.raises(PipelineError, match=message):
        Folder(own).fetch(TRAIN_IMAGES, known(own / TRAIN_IMAGES), target)
    assert list(target.iterdir()) == []


# Keras' file


def test_an_archive_has_the_content_of_the_idx_files(own, target, arrays, write_npz):
    write_npz(own / "MNIST.npz", arrays())
    write_npz(own / "other.npz", arrays())
    folder, archive = sources_in(own, "mnist")
    assert folder.label == str(own) and archive.label == str(own / "MNIST.npz")
    for name in catalog.NAMES:
        archive.fetch(name, known(own / name), target)
        assert (target / name).read_bytes() == (own / name).read_bytes()


def test_an_archive_of_another_dataset_is_refused(own, target, arrays, write_npz):
    write_npz(own / "mnist.npz", arrays())
    archive = Archive(own / "mnist.npz")
    with pytest.raises(SourceError, match="wrong content"):
        archive.fetch(TRAIN_IMAGES, UNKNOWN, target)
    with pytest.raises(SourceError, match=r"checksums of the contents are unknown"):
        archive.fetch(TRAIN_IMAGES, dataset(ZEROS, None), target)
    archive.path.write_bytes(b"damaged")
    with pytest.raises(SourceError, match=r"mnist\.npz is a damaged \.npz file"):
        archive.fetch(TRAIN_IMAGES, UNKNOWN, target)
    assert list(target.iterdir()) == []
