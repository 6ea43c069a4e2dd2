"""The same four files come from folders, mirrors or the fallback, or a message says why not."""

import gzip
import json
from dataclasses import replace

import numpy as np
import pytest

from src.common.errors import PipelineError
from src.common.files import sha256
from src.ingest import catalog, idx
from src.ingest import download as module
from src.ingest.download import download
from src.ingest.files import ARRAYS

FIRST = catalog.NAMES[0]


@pytest.fixture
def published(tmp_path, monkeypatch, arrays, publish, refused_url):
    """A folder with the .gz files of a small dataset, which the catalogue has as mnist."""
    folder = tmp_path / "published"
    known = replace(publish(folder, arrays()), mirrors=(refused_url(),))
    monkeypatch.setitem(catalog.CATALOGUE, "mnist", known)
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    monkeypatch.setattr(module, "TIMEOUT", (3, 0.3))
    return folder


def snapshot(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def unpacked(folder):
    return {path.stem: gzip.decompress(path.read_bytes()) for path in folder.iterdir()}


def printed(capsys):
    """Return the printed text without the frame and the line breaks of panels."""
    return " ".join(capsys.readouterr().err.replace("│", " ").split())


def send(handler, body=b"", status=200):
    handler.send_response(status)
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body)


def serve(folder):
    return lambda handler: send(handler, (folder / handler.path.rsplit("/")[-1]).read_bytes())


# From folders


def test_the_content_of_a_folder_is_copied(published, target, capsys, data_params):
    info = download(data_params(folders=[str(published)]), target)
    assert info == {
        **{"name": "mnist", "requested": "mnist", "is_fallback": False, "is_published": True},
        "counts": {"train": 50, "test": 20},
        "files": {name: sha256(target / name) for name in catalog.NAMES},
        **{"class_names": catalog.DIGITS, "conversion": catalog.DRAWINGS},
    }
    expected = json.loads(json.dumps(info))
    assert json.loads((target / "dataset.json").read_text()) == expected
    (target / "dataset.json").unlink()
    assert snapshot(target) == unpacked(published)
    size = (target / FIRST).stat().st_size
    assert f"{FIRST}: {size:,} bytes from {published}" in printed(capsys)


def test_the_result_does_not_depend_on_the_source(
    published, tmp_path, arrays, data_params, web_server
):
    plain, archive = tmp_path / "sets-mnist", tmp_path / "archive"
    plain.mkdir(), archive.mkdir()
    for name, content in unpacked(published).items():
        (plain / name).write_bytes(content)
    named = {ARRAYS[name]: array for name, array in arrays().items()}
    np.savez_compressed(archive / "mnist.npz", **named)
    results = []
    with web_server(serve(published)) as url:
        for number, source in enumerate([published, "sets-{dataset}", archive, url]):
            target = tmp_path / f"{number}"
            target.mkdir()
            kind = "mirrors" if source == url else "folders"
            download(data_params(**{kind: [str(source)]}), target)
            results.append(snapshot(target))
    assert len(results[0]) == 5 and all(result == results[0] for result in results)


def test_files_may_come_from_several_sources(
    published, target, capsys, arrays, data_params, write_set, web_server
):
    incoming = published.parent / "incoming"
    write_set(incoming, arrays(train=51))
    requested = []

    def get(handler):
        requested.append(handler.path)
        serve(published)(handler)

    with web_server(get) as url:
        info = download(data_params(folders=[str(incoming)], mirrors=[url]), target)
    assert not info["is_fallback"] and (target / FIRST).read_bytes() == unpacked(published)[FIRST]
    assert requested == [f"/{name}.gz" for name in catalog.NAMES[:3]]  # not the test labels
    assert f"warning: {incoming}: wrong content" in printed(capsys)


def test_a_users_own_dataset_is_copied(target, tmp_path, arrays, data_params, write_set):
    write_set(tmp_path / "own", arrays())
    folders = ["/nowhere", str(tmp_path / "own")]
    info = download(data_params(dataset="local", name="leaves", folders=folders), target)
    assert info["name"] == info["requested"] == "leaves" and not info["is_fallback"]
    assert not info["is_published"] and info["counts"] == {"train": 50, "test": 20}


def test_digits_are_no_fallback_if_they_are_requested(target, capsys, data_params):
    info = download(data_params(dataset="digits", fallback="digits"), target)
    assert info["name"] == info["requested"] == "digits" and info["is_fallback"] is False
    assert "NOT" not in printed(capsys)


# From mirrors; see also tests/faults/test_network.py


def test_a_password_in_netrc_is_used(
    published, target, tmp_path, monkeypatch, data_params, web_server
):
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login someone password secret\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))

    def get(handler):
        allowed = handler.headers["Authorization"] == "Basic c29tZW9uZTpzZWNyZXQ="
        body = (published / handler.path.rsplit("/")[-1]).read_bytes() if allowed else b""
        send(handler, body, status=200 if allowed else 401)

    with web_server(get) as url:
        download(data_params(mirrors=[url]), target)
    (target / "dataset.json").unlink()
    assert snapshot(target) == unpacked(published)


@pytest.mark.parametrize(
    "proxy",
    [
        "http://user:se/cret@127.0.0.1:1",
        "http://user:secret@",
        "user:secret@127.0.0.1:1",
    ],
)
def test_no_part_of_the_password_of_a_malformed_proxy_is_shown(
    published, target, data_params, proxy, monkeypatch
):
    monkeypatch.setenv("http_proxy", proxy)
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    with pytest.raises(PipelineError) as error:
        download(data_params(mirrors=["http://mirror.example/"]), target)
    assert not any(part in str(error.value) for part in ("secret", "se/", "user:", "ret@"))


# Without a source


def test_without_a_fallback_the_error_has_one_line_for_each_source(
    published, target, data_params, web_server, refused_url
):
    for path in list(published.iterdir())[1:]:
        path.unlink()
    dead = refused_url()
    with web_server(lambda handler: send(handler, status=404)) as url:
        folders = [str(published), "/nowhere"]
        with pytest.raises(PipelineError) as error:
            download(data_params(folders=folders, mirrors=[dead, url]), target)
    message = str(error.value)
    assert len(message.splitlines()) == 6
    for part in (
        "mnist could not be downloaded",
        f"{published}: no such file (",
        "/nowhere: no such file (",
        f"{dead}: Connection refused",
        f"{url}: 404 Client Error",
        f"put the four files ({', '.join(catalog.NAMES)}; plain or .gz) into data/incoming",
        "run `dvc repro --force download`",
    ):
        assert part in message


def test_the_fallback_dataset_is_announced_clearly(published, target, capsys, data_params):
    # One file of mnist is there; it must not become part of the fallback dataset.
    for path in list(published.iterdir())[1:]:
        path.unlink()
    params = data_params(folders=[str(published)], mirrors="public", fallback="digits")
    info = download(params, target)
    assert info["name"] == "digits" and info["requested"] == "mnist" and info["is_fallback"] is True
    assert info["counts"] == {"train": 1437, "test": 360}
    assert idx.read_header(target / FIRST) == (1437, 28, 28)
    output = printed(capsys)
    for part in (
        "FALLBACK DATASET, NOT MNIST",
        "mnist could not be downloaded",
        "no such file (",
        "Connection refused",
        "into data/incoming; and run `dvc repro --force download`",
    ):
        assert part in output
