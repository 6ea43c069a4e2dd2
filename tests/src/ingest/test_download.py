import json
from pathlib import Path

import pytest

from src.common.errors import PipelineError
from src.common.files import sha256
from src.ingest import catalog, mirrors
from src.ingest.download import download
from tests.idx_files import arrays, data_params, mirror, write_set
from tests.servers import refused_url

FIRST = catalog.GZIP_NAMES[0]


@pytest.fixture
def published(tmp_path, monkeypatch):
    """A folder with a small set, which the catalogue is made to know as mnist."""
    folder = tmp_path / "published"
    checksums = write_set(folder, arrays())
    known = catalog.Dataset(checksums, (refused_url(),))
    monkeypatch.setitem(catalog.CATALOGUE, "mnist", known)
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    return folder


@pytest.fixture
def target(tmp_path):
    folder = tmp_path / "raw"
    folder.mkdir()
    return folder


def snapshot(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def serve(folder, **instead):
    """Answer with the files of a folder, but for some names, without .gz and with _, otherwise."""

    def respond(name):
        key = name.removesuffix(".gz").replace("-", "_")
        return instead.get(key) or (200, (folder / name).read_bytes())

    return respond


def told(capsys):
    """What was printed, without the frame and the line breaks of panels."""
    return " ".join(capsys.readouterr().err.replace("│", " ").split())


# From folders


def test_a_folder_fills_the_target_byte_for_byte(published, target, capsys):
    info = download(data_params(folders=[str(published)]), target)
    assert info == {
        "name": "mnist",
        "requested": "mnist",
        "is_fallback": False,
        "counts": {"train": 50, "test": 20},
        "files": {name: sha256(published / name) for name in catalog.GZIP_NAMES},
    }
    assert json.loads((target / "dataset.json").read_text()) == info
    (target / "dataset.json").unlink()
    assert snapshot(target) == snapshot(published)
    assert f"{FIRST}: {(published / FIRST).stat().st_size:,} bytes from {published}" in told(capsys)


def test_folders_may_be_relative_to_the_checkout_and_name_the_data_set(published, target, tmp_path):
    published.rename(tmp_path / "sets-mnist")
    assert download(data_params(folders=["sets-{dataset}"]), target)["name"] == "mnist"


def test_a_wrong_local_file_is_left_alone_and_the_next_source_serves(published, target, capsys):
    incoming = published.parent / "incoming"
    write_set(incoming, arrays(train=51))
    before = snapshot(incoming)
    download(data_params(folders=[str(incoming), str(published)]), target)
    assert snapshot(incoming) == before
    assert (target / FIRST).read_bytes() == (published / FIRST).read_bytes()
    warning = (
        f"warning: {FIRST} from {incoming}: wrong content (its SHA-256 differs), left as it is"
    )
    assert warning in told(capsys)


def test_files_may_come_from_several_sources(published, target):
    incoming = published.parent / "incoming"
    incoming.mkdir()
    (published / FIRST).rename(incoming / FIRST)
    with mirror(serve(published)) as (url, asked):
        info = download(data_params(folders=[str(incoming)], mirrors=[url]), target)
    assert not info["is_fallback"]
    assert asked == list(catalog.GZIP_NAMES[1:])


def test_mirrors_are_left_alone_where_folders_serve(published, target):
    with mirror(serve(published)) as (url, asked):
        download(data_params(folders=[str(published)], mirrors=[url]), target)
    assert asked == []


def test_an_unreadable_file_is_told(published, target):
    (published / FIRST).unlink()
    (published / FIRST).mkdir()
    with pytest.raises(PipelineError, match=f"cannot be read: Is a directory \\({FIRST}\\)"):
        download(data_params(folders=[str(published)]), target)


# From mirrors


def test_a_mirror_fills_the_target(published, target, capsys):
    with mirror(serve(published)) as (url, _):
        info = download(data_params(mirrors=[url]), target)
    assert sorted(snapshot(target)) == sorted([*catalog.GZIP_NAMES, "dataset.json"])
    assert info == download(data_params(folders=[str(published)]), target)
    assert (target / FIRST).stat().st_mode & 0o777 == 0o644
    output = told(capsys)
    assert f"bytes from {url}/" in output and "SHA256" not in output


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ((404, b"no"), "HTTP status 404"),
        ((503, b"no"), "HTTP status 503"),
        ((200, b"<!DOCTYPE html><title>Log in</title>"), "wrong content (its SHA-256 differs)"),
        ((200, b""), "wrong content (its SHA-256 differs)"),
    ],
)
def test_a_bad_answer_is_discarded_and_the_next_mirror_serves(
    published, target, capsys, answer, reason
):
    with (
        mirror(serve(published, train_images_idx3_ubyte=answer)) as (bad, asked),
        mirror(serve(published)) as (good, asked_too),
    ):
        download(data_params(mirrors=[bad, good]), target)
    assert asked == list(catalog.GZIP_NAMES) and asked_too == [FIRST]
    assert (target / FIRST).read_bytes() == (published / FIRST).read_bytes()
    assert f"warning: {FIRST} from {bad}/: {reason}" in told(capsys)


def test_a_truncated_body_is_discarded(published, target):
    with (
        mirror(serve(published), claim_bytes=10**6) as (bad, _),
        pytest.raises(PipelineError, match=f"{bad}/: the transfer broke off\\)"),
    ):
        download(data_params(mirrors=[bad]), target)
    assert snapshot(target) == {}


def test_a_refused_mirror_is_told_once(published, target, capsys):
    dead = refused_url()
    with mirror(serve(published)) as (good, _):
        download(data_params(mirrors=[dead, good]), target)
    output = told(capsys)
    assert f"warning: {FIRST} from {dead}: " in output and "Connection refused" in output
    assert output.count(dead) == 1


def test_a_mirror_that_does_not_answer_is_given_up(published, target, monkeypatch):
    monkeypatch.setattr(mirrors, "PROBE_SECONDS", 0.2)
    monkeypatch.setattr(mirrors.requests, "head", lambda *_, **__: mirrors.time.sleep(60))
    with pytest.raises(PipelineError, match=r"//silent/: no answer within 0\.2 s\)"):
        download(data_params(mirrors=["http://silent"]), target)


def test_public_mirrors_are_those_of_the_catalogue(published, target):
    url = catalog.CATALOGUE["mnist"].mirrors[0]
    with pytest.raises(PipelineError, match=f"{url}: .* Connection refused"):
        download(data_params(mirrors="public"), target)


# Where nothing serves


def test_without_a_fallback_every_source_is_told_in_one_sentence(published, target, tmp_path):
    (tmp_path / "incoming").mkdir()
    nowhere = tmp_path / "nowhere"
    write_set(tmp_path / "other", arrays(train=51))
    dead = refused_url()
    with mirror(lambda _: (404, b"")) as (url, _), pytest.raises(PipelineError) as caught:
        folders = [str(tmp_path / "incoming"), str(nowhere), str(tmp_path / "other")]
        download(data_params(folders=folders, mirrors=[dead, url]), target)
    message = str(caught.value)
    assert "\n" not in message
    for part in (
        "mnist could not be had",
        f"{tmp_path / 'incoming'}: no such file;",
        f"{nowhere}: no such folder;",
        f"{tmp_path / 'other'}: wrong content",
        f"{dead}: ",
        "Connection refused",
        f"{url}/: HTTP status 404",
        f"put the four files ({', '.join(catalog.GZIP_NAMES)}) into data/incoming",
        "run `dvc repro`",
    ):
        assert part in message


def test_no_source_at_all_is_told(published, target):
    with pytest.raises(PipelineError, match="names neither a folder nor a mirror"):
        download(data_params(), target)


def test_the_stand_in_is_announced_loudly(published, target, capsys):
    # One file arrives: it must not stay among the fallback dataset's.
    (published / FIRST).rename(published / "elsewhere")
    dead = refused_url()
    params = data_params(folders=[str(published)], mirrors=[dead], fallback="digits")
    info = download(params, target)
    assert info["name"] == "digits" and info["requested"] == "mnist" and info["is_fallback"] is True
    assert info["counts"] == {"train": 1437, "test": 360}
    assert info["files"] == {name: sha256(target / name) for name in catalog.GZIP_NAMES}
    output = told(capsys)
    for part in (
        "FALLBACK DATASET, NOT MNIST",
        "This is NOT mnist",
        f"no such file ({FIRST})",
        "Connection refused",
        "into data/incoming and run `dvc repro`",
        "`dvc repro --force download`",
    ):
        assert part in output


def test_the_digits_are_no_stand_in_when_asked_for(target, capsys):
    info = download(data_params(dataset="digits", fallback="digits"), target)
    assert info["name"] == info["requested"] == "digits" and info["is_fallback"] is False
    assert "NOT" not in told(capsys)


# The user's own files


@pytest.mark.parametrize("ending", [".gz", ""])
@pytest.mark.parametrize("prefix", ["t10k-", "test-"])
def test_local_files_get_canonical_names_and_keep_their_bytes(target, tmp_path, ending, prefix):
    own = tmp_path / "own"
    contents = {name.replace("t10k-", prefix): array for name, array in arrays().items()}
    write_set(own, contents, ending)
    info = download(data_params(dataset="local", folders=["/nowhere", str(own)]), target)
    assert info["name"] == "local" and info["counts"] == {"train": 50, "test": 20}
    assert list(info["files"]) == [f"{name}{ending}" for name in catalog.NAMES]
    for name, checksum in info["files"].items():
        assert checksum == sha256(target / name) == sha256(own / name.replace("t10k-", prefix))


def test_local_names_end_in_gz_only_if_the_content_is_gzip(target, tmp_path):
    write_set(tmp_path, arrays(), ".gz")
    for path in tmp_path.glob("*.gz"):
        path.rename(path.with_suffix(""))
    info = download(data_params(dataset="local", folders=[str(tmp_path)]), target)
    assert list(info["files"]) == list(catalog.GZIP_NAMES)


def test_missing_local_files_are_named_with_their_folders(target, tmp_path):
    one, two = tmp_path / "one", tmp_path / "two"
    write_set(one, arrays())
    (one / "t10k-labels-idx1-ubyte.gz").unlink()
    two.mkdir()
    with pytest.raises(PipelineError) as caught:
        params = data_params(dataset="local", folders=[str(one), str(two)], fallback="digits")
        download(params, target)
    message = str(caught.value)
    assert f"{one} lacks t10k-labels-idx1-ubyte;" in message
    assert f"{two} lacks {', '.join(catalog.NAMES)};" in message
    assert "put all four files into one of the folders" in message


def test_a_local_file_that_is_not_idx_is_named(target, tmp_path):
    write_set(tmp_path, arrays())
    path = tmp_path / "train-labels-idx1-ubyte.gz"
    path.write_bytes(b"PNG...")
    with pytest.raises(PipelineError, match=f"{path} is not an IDX file"):
        download(data_params(dataset="local", folders=[str(tmp_path)]), target)


# The real thing

REAL = [
    folder
    for folder in (Path("../shared/datasets/mnist"), Path("data/incoming"))
    if all((folder / name).is_file() for name in catalog.GZIP_NAMES)
]


@pytest.mark.skipif(not REAL, reason="MNIST is neither in ../shared/datasets nor data/incoming")
def test_the_real_mnist_is_recognised(target):
    info = download(data_params(folders=[str(REAL[0].resolve())]), target)
    assert info["name"] == "mnist" and info["counts"] == {"train": 60_000, "test": 10_000}
