"""Each dataset of the catalogue gives the same files from all its forms, verified or not."""

import dataclasses
import gzip
import hashlib
import struct
import zipfile

import numpy as np
import pytest

from src.common.errors import PipelineError
from src.common.files import sha256
from src.ingest import catalog, idx
from src.ingest.download import download

COUNTS = (60, 50)
NEW = ["emnist-balanced", "emnist-letters", "kannada-mnist", "qmnist"]
EMNIST = NEW[:2]


def upright(name):
    """The files in data/raw: random images, and labels that repeat 0 to K - 1."""
    entry = catalog.CATALOGUE[name]
    random = np.random.default_rng(0)
    contents = []
    for count in COUNTS:
        contents.append(random.integers(0, 256, (count, 28, 28), np.uint8))
        contents.append((np.arange(count) % len(entry.class_names)).astype(np.uint8))
    return dict(zip(catalog.NAMES, contents, strict=True))


def as_published(array, entry):
    """The uncompressed content of the published file."""
    if array.ndim == 3:
        array = array.transpose(0, 2, 1) if entry.transposed else array
    elif entry.label_columns:
        columns = np.zeros((len(array), entry.label_columns), ">i4")
        columns[:, 0], columns[:, 2] = array, 70_000
        return struct.pack(">4B2I", 0, 0, 12, 2, *columns.shape) + columns.tobytes()
    else:
        array = array + np.uint8(entry.first_label)
    return idx.header(array.shape) + array.tobytes()


@pytest.fixture(params=NEW)
def name(request):
    return request.param


@pytest.fixture
def published(tmp_path, monkeypatch, name):
    """Return a folder with the published .gz files of a small dataset, which the catalogue has."""
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    folder = tmp_path / "published"
    folder.mkdir()
    entry, files = catalog.CATALOGUE[name], {}
    for canonical, array in upright(name).items():
        file = entry.files[canonical]
        packed = gzip.compress(as_published(array, entry), mtime=0)
        (folder / f"{file.name}.gz").write_bytes(packed)
        content = hashlib.sha256(idx.header(array.shape) + array.tobytes()).hexdigest()
        checksum = f"md5:{hashlib.md5(packed).hexdigest()}"
        files[canonical] = dataclasses.replace(
            file, gzip=checksum, content=file.content and content
        )
    small = dataclasses.replace(entry, files=files, counts=COUNTS)
    monkeypatch.setitem(catalog.CATALOGUE, name, small)
    return folder


@pytest.fixture
def fetch(tmp_path, name, data_params, capsys):
    """Return a function that downloads; it returns the files in data/raw and the messages."""
    runs = []

    def run(**params):
        target = tmp_path / f"raw-{len(runs)}"
        target.mkdir()
        runs.append(target)
        download(data_params(dataset=name, **params), target)
        files = {canonical: (target / canonical).read_bytes() for canonical in catalog.NAMES}
        return files, " ".join(capsys.readouterr().err.replace("│", " ").split())

    return run


def expected(name):
    return {
        canonical: idx.header(array.shape) + array.tobytes()
        for canonical, array in upright(name).items()
    }


def copy(source, target, rename=str, change=bytes):
    target.mkdir(parents=True)
    for path in source.iterdir():
        (target / rename(path.name)).write_bytes(change(path.read_bytes()))
    return str(target)


def canonical_name(name):
    """The name in data/raw for a published name, with ``.gz``."""
    files = [file for each in NEW for file in catalog.CATALOGUE[each].files.items()]
    return next(f"{canonical}.gz" for canonical, file in files if f"{file.name}.gz" == name)


def has_unknown_contents(name):
    return [file for file, known in catalog.CATALOGUE[name].files.items() if known.content is None]


def test_the_published_files_are_verified(published, name, fetch):
    files, messages = fetch(folders=[str(published)])
    assert files == expected(name)
    assert "warning" not in messages


def test_other_forms_give_the_same_files_and_a_warning(published, tmp_path, name, fetch):
    def packed_again(content):
        return gzip.compress(gzip.decompress(content), 1, mtime=5)

    forms = [
        copy(published, tmp_path / "plain", lambda n: n.removesuffix(".gz"), gzip.decompress),
        copy(published, tmp_path / "again", str, packed_again),
        copy(published, tmp_path / "upper", str.upper, gzip.decompress),
        copy(published, tmp_path / "dot", lambda n: n.replace("-idx", ".idx"), packed_again),
        copy(published, tmp_path / "own" / name, canonical_name, gzip.decompress),
    ]
    for folder in forms:
        files, messages = fetch(folders=[folder])
        assert files == expected(name)
        unknown = ", ".join(has_unknown_contents(name))
        assert f"warning: {name}: {unknown} could not be verified, because only" in messages


def test_published_content_with_the_names_of_mnist_is_verified(published, tmp_path, name, fetch):
    folder = copy(published, tmp_path / "other", canonical_name)
    files, messages = fetch(folders=[folder])
    assert files == expected(name) and "warning" not in messages


def test_names_of_mnist_without_a_checksum_are_refused_in_a_folder_for_any_dataset(
    published, tmp_path, name, fetch
):
    folder = copy(published, tmp_path / "incoming", canonical_name, gzip.decompress)
    with pytest.raises(PipelineError, match=r"incoming: wrong content \(its checksum differs, or"):
        fetch(folders=[folder])


def test_files_of_mnist_next_to_the_published_files_are_ignored(
    published, name, fetch, arrays, write_set
):
    write_set(published, arrays())
    assert fetch(folders=[str(published)])[0] == expected(name)


@pytest.mark.parametrize("kind", ["images", "labels"])
def test_a_file_of_another_size_is_refused(published, name, fetch, kind):
    file = catalog.CATALOGUE[name].files[f"train-{kind}-idx{3 if kind == 'images' else 1}-ubyte"]
    array = np.zeros((59, 28, 28) if kind == "images" else 59, np.uint8)
    content = as_published(array, catalog.CATALOGUE[name])
    (published / f"{file.name}.gz").write_bytes(content)
    message = "wrong content" if file.content else "has 59 .* but the published file has 60"
    with pytest.raises(PipelineError, match=message):
        fetch(folders=[str(published)])


def test_duplicates_must_be_equal(published, name, fetch):
    paths = sorted(published.iterdir())
    for path in paths:
        path.with_suffix("").write_bytes(gzip.decompress(path.read_bytes()))
    files, messages = fetch(folders=[str(published)])
    assert files == expected(name) and "warning" not in messages
    path = paths[0].with_suffix("")
    content = path.read_bytes()
    path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    with pytest.raises(PipelineError, match="are for the same file, but their contents differ"):
        fetch(folders=[str(published)])


def test_mirrors_have_the_published_names(published, name, fetch, mirror):
    with mirror(lambda file: (200, (published / file).read_bytes())) as (url, requested):
        files, messages = fetch(mirrors=[url])
    assert files == expected(name) and "could not be verified" not in messages
    assert sorted(requested) == sorted(path.name for path in published.iterdir())


def test_a_wrong_md5_of_a_mirror_is_noticed(published, fetch, mirror):
    body = gzip.compress(b"other")
    wrong = pytest.raises(PipelineError, match=r"wrong content \(its checksum differs\)")
    with mirror(lambda _: (200, body)) as (url, _), wrong:
        fetch(mirrors=[url])


# The archive of EMNIST


def pack(published, path, compression=zipfile.ZIP_DEFLATED):
    with zipfile.ZipFile(path, "w", compression) as archive:
        for file in published.iterdir():
            archive.write(file, f"gzip/{file.name}")
        archive.writestr("gzip/emnist-digits-train-images-idx3-ubyte.gz", b"other")
    return path


@pytest.mark.parametrize("name", EMNIST, indirect=True)
@pytest.mark.parametrize("file", ["gzip.zip", "GZIP.zip"])
def test_the_archive_is_read_as_it_is(published, tmp_path, name, fetch, file):
    (tmp_path / "incoming").mkdir()
    path = pack(published, tmp_path / "incoming" / file)
    before = sha256(path)
    files, messages = fetch(folders=[str(path.parent)])
    assert files == expected(name) and "warning" not in messages
    assert f"bytes from {path}" in messages
    assert sha256(path) == before and list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("name", EMNIST, indirect=True)
@pytest.mark.parametrize("fault", ["rubbish", "cut", "changed", "changed and stored", "empty"])
def test_a_damaged_archive_is_reported(published, tmp_path, fetch, fault):
    (tmp_path / "incoming").mkdir()
    path = tmp_path / "incoming" / "gzip.zip"
    pack(published, path, zipfile.ZIP_STORED if "stored" in fault else zipfile.ZIP_DEFLATED)
    content = bytearray(path.read_bytes())
    content[3000] ^= 255
    path.write_bytes(
        {"rubbish": b"<html>", "cut": bytes(content[:-30]), "empty": b""}.get(fault, bytes(content))
    )
    with pytest.raises(PipelineError, match=r"gzip\.zip: .*damaged") as error:
        fetch(folders=[str(path.parent)])
    assert len(str(error.value).splitlines()) == 4


@pytest.mark.parametrize("name", EMNIST, indirect=True)
@pytest.mark.parametrize("fallback", ["none", "digits"])
def test_without_files_the_page_and_the_archive_are_named(published, name, fetch, fallback):
    instruction = (
        "et gzip.zip from https://www.nist.gov/itl/products-and-services/emnist-dataset and put "
        f"it, or the four files (emnist-{name.removeprefix('emnist-')}-train-images-idx3-ubyte, "
    )
    if fallback == "none":
        with pytest.raises(PipelineError) as error:
            fetch(mirrors="public")
        message = str(error.value)
    else:
        target_files, message = fetch(mirrors="public", fallback="digits")
        assert len(target_files) == 4
    assert instruction in message and "into data/incoming and run `dvc repro" in message
    assert "connect to the network" not in message
