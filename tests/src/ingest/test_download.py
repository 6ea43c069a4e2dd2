import gzip
import json
from pathlib import Path

import numpy as np
import pytest

from src.common.errors import PipelineError
from src.common.files import sha256
from src.ingest import catalog, idx, npz
from src.ingest.download import download

FIRST = catalog.NAMES[0]
GZIP_NAMES = [f"{name}.gz" for name in catalog.NAMES]


@pytest.fixture
def published(tmp_path, monkeypatch, arrays, publish, refused_url):
    """Return a folder with the .gz files of a small dataset, which the catalog has as mnist."""
    folder = tmp_path / "published"
    known = catalog.Dataset(publish(folder, arrays()), (refused_url(),))
    monkeypatch.setitem(catalog.CATALOGUE, "mnist", known)
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    return folder


def snapshot(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def unpacked(folder):
    return {path.stem: gzip.decompress(path.read_bytes()) for path in folder.iterdir()}


def serve(folder):
    return lambda name: (200, (folder / name).read_bytes())


def printed(capsys):
    """Return the printed text without the frame and the line breaks of panels."""
    return " ".join(capsys.readouterr().err.replace("│", " ").split())


# From folders


def test_the_content_of_a_folder_is_copied(published, target, capsys, data_params):
    info = download(data_params(folders=[str(published)]), target)
    assert info == {
        "name": "mnist",
        "requested": "mnist",
        "is_fallback": False,
        "is_published": True,
        "counts": {"train": 50, "test": 20},
        "class_names": list("0123456789"),
        "conversion": {"framed": True, "light_on_dark": True},
        "files": {name: sha256(target / name) for name in catalog.NAMES},
    }
    assert json.loads((target / "dataset.json").read_text()) == info
    (target / "dataset.json").unlink()
    assert snapshot(target) == unpacked(published)
    size = (target / FIRST).stat().st_size
    assert f"{FIRST}: {size:,} bytes from {published}" in printed(capsys)


def test_the_result_does_not_depend_on_the_source(
    published, tmp_path, arrays, data_params, mirror, write_npz
):
    plain, archive = tmp_path / "plain", tmp_path / "archive"
    plain.mkdir()
    for name, content in unpacked(published).items():
        (plain / name).write_bytes(content)
    write_npz(archive / "mnist.npz", arrays())
    results = []
    with mirror(serve(published)) as (url, _):
        for number, source in enumerate([*map(str, (published, plain, archive)), url]):
            target = tmp_path / f"{number}"
            target.mkdir()
            kind = "mirrors" if source == url else "folders"
            download(data_params(**{kind: [source]}), target)
            results.append(snapshot(target))
    assert len(results[0]) == 5 and all(result == results[0] for result in results)


def test_folders_may_be_relative_to_the_checkout_and_contain_the_dataset_name(
    published, target, tmp_path, data_params
):
    published.rename(tmp_path / "sets-mnist")
    assert download(data_params(folders=["sets-{dataset}"]), target)["name"] == "mnist"


def test_after_a_wrong_local_file_the_next_source_is_used(
    published, target, capsys, arrays, data_params, write_set
):
    incoming = published.parent / "incoming"
    write_set(incoming, arrays(train=51))
    before = snapshot(incoming)
    download(data_params(folders=[str(incoming), str(published)]), target)
    assert snapshot(incoming) == before
    assert (target / FIRST).read_bytes() == unpacked(published)[FIRST]
    assert f"warning: {FIRST} from {incoming}: wrong content (its SHA-256 differs)" in printed(
        capsys
    )


def test_files_may_come_from_several_sources(published, target, data_params, mirror):
    incoming = published.parent / "incoming"
    incoming.mkdir()
    (published / GZIP_NAMES[0]).rename(incoming / GZIP_NAMES[0])
    with mirror(serve(published)) as (url, requested):
        info = download(data_params(folders=[str(incoming)], mirrors=[url]), target)
    assert not info["is_fallback"]
    assert requested == GZIP_NAMES[1:]


def test_no_mirror_is_used_if_folders_have_all_files(published, target, data_params, mirror):
    with mirror(serve(published)) as (url, requested):
        download(data_params(folders=[str(published)], mirrors=[url]), target)
    assert requested == []


def test_different_files_for_the_same_name_stop_the_download(
    published, target, arrays, data_params, write_set
):
    write_set(published, arrays(train=51))
    params = data_params(folders=[str(published)], fallback="digits")
    with pytest.raises(PipelineError, match=f"{FIRST} and .*{FIRST}.gz .* contents differ"):
        download(params, target)


# From mirrors


def test_a_mirror_has_all_files(published, target, capsys, data_params, mirror):
    with mirror(serve(published)) as (url, _):
        info = download(data_params(mirrors=[url]), target)
    assert sorted(snapshot(target)) == sorted([*catalog.NAMES, "dataset.json"])
    assert info == download(data_params(folders=[str(published)]), target)
    assert (target / FIRST).stat().st_mode & 0o777 == 0o644
    output = printed(capsys)
    assert f"bytes from {url}/" in output and "SHA256" not in output


def test_a_mirror_that_refuses_is_reported_once(
    published, target, capsys, data_params, mirror, refused_url
):
    dead = refused_url()
    with mirror(serve(published)) as (good, _):
        download(data_params(mirrors=[dead, good]), target)
    output = printed(capsys)
    assert f"warning: {FIRST} from {dead}: " in output and "Connection refused" in output
    assert output.count(dead) == 1


def test_public_mirrors_are_those_of_the_catalogue(published, target, data_params):
    url = catalog.CATALOGUE["mnist"].mirrors[0]
    with pytest.raises(PipelineError, match=f"{url}: Connection refused"):
        download(data_params(mirrors="public"), target)


# Without a source


def test_without_a_fallback_the_error_has_one_line_for_each_source(
    published, target, tmp_path, arrays, data_params, mirror, write_set, refused_url
):
    (tmp_path / "incoming").mkdir()
    nowhere = tmp_path / "nowhere"
    write_set(tmp_path / "other", arrays(train=51))
    dead = refused_url()
    with mirror(lambda _: (404, b"")) as (url, _), pytest.raises(PipelineError) as caught:
        folders = [str(tmp_path / "incoming"), str(nowhere), str(tmp_path / "other")]
        download(data_params(folders=folders, mirrors=[dead, url]), target)
    message = str(caught.value)
    assert len(message.splitlines()) == 7
    for part in (
        "mnist could not be downloaded",
        f"{tmp_path / 'incoming'}: no such file\n",
        f"{nowhere}: no such folder\n",
        f"{tmp_path / 'other'}: wrong content",
        f"{dead}: ",
        "Connection refused",
        f"{url}/: HTTP status 404",
        f"\nPut the four files ({', '.join(catalog.NAMES)}; plain or .gz) into data/incoming",
        "run `dvc repro`",
    ):
        assert part in message


def test_parameters_without_a_source_are_reported(published, target, data_params):
    with pytest.raises(PipelineError, match="names neither a folder nor a mirror"):
        download(data_params(), target)


def test_the_fallback_dataset_is_announced_clearly(
    published, target, capsys, data_params, refused_url
):
    # One file of mnist is found; it must not become part of the fallback dataset.
    (published / GZIP_NAMES[0]).rename(published / "elsewhere")
    dead = refused_url()
    params = data_params(folders=[str(published)], mirrors=[dead], fallback="digits")
    info = download(params, target)
    assert info["name"] == "digits" and info["requested"] == "mnist" and info["is_fallback"] is True
    assert info["counts"] == {"train": 1437, "test": 360}
    assert info["files"] == {name: sha256(target / name) for name in catalog.NAMES}
    output = printed(capsys)
    for part in (
        "FALLBACK DATASET, NOT MNIST",
        "This is NOT mnist",
        f"no such file ({FIRST})",
        "Connection refused",
        "into data/incoming and run `dvc repro`",
        "`dvc repro --force download`",
    ):
        assert part in output


def test_digits_are_no_fallback_if_they_are_requested(target, capsys, data_params):
    info = download(data_params(dataset="digits", fallback="digits"), target)
    assert info["name"] == info["requested"] == "digits" and info["is_fallback"] is False
    assert "NOT" not in printed(capsys)


# The user's own files


def test_local_files_are_copied(target, tmp_path, arrays, data_params, write_set):
    write_set(tmp_path / "own", arrays())
    info = download(
        data_params(dataset="local", name="leaves", folders=["/nowhere", str(tmp_path / "own")]),
        target,
    )
    assert info["name"] == info["requested"] == "leaves" and not info["is_fallback"]
    assert not info["is_published"] and info["counts"] == {"train": 50, "test": 20}
    assert info["files"] == {name: sha256(target / name) for name in catalog.NAMES}


# The real datasets

REAL = Path("../shared/datasets").resolve()


@pytest.mark.parametrize("name", ["mnist", "fashion-mnist"])
def test_the_real_datasets_are_accepted(target, data_params, name):
    if not (REAL / name).is_dir():
        pytest.skip(f"{REAL / name} is missing")
    info = download(data_params(dataset=name, folders=[str(REAL / "{dataset}")]), target)
    assert info["name"] == name and info["counts"] == {"train": 60_000, "test": 10_000}
    assert info["files"] == {
        file: known.content for file, known in catalog.CATALOGUE[name].files.items()
    }


def test_mnist_as_keras_has_it_is_accepted(target, tmp_path, data_params):
    if not (REAL / "mnist").is_dir():
        pytest.skip(f"{REAL / 'mnist'} is missing")
    chunks = {
        name: idx.read_chunks(REAL / "mnist" / f"{name}.gz", 60_000) for name in catalog.NAMES
    }
    contents = {name: np.concatenate(list(each)) for name, each in chunks.items()}
    np.savez(tmp_path / "mnist.npz", **{npz.ARRAYS[name]: a for name, a in contents.items()})
    assert download(data_params(folders=[str(tmp_path)]), target)["name"] == "mnist"
