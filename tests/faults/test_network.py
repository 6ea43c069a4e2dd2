"""Mirrors that do not deliver the right file."""

import gzip
import socket
import time

import pytest

from src.common.errors import PipelineError
from src.ingest import catalog, mirrors
from src.ingest.download import download


@pytest.fixture
def published(tmp_path, monkeypatch, arrays, publish):
    """Return a folder with four files whose checksums are in the catalog."""
    folder = tmp_path / "published"
    files = publish(folder, arrays())
    monkeypatch.setitem(catalog.CATALOGUE, "mnist", catalog.Dataset(files, ()))
    return folder


def send(handler, body: bytes, size: int | None = None, kind: str = "application/gzip") -> None:
    handler.send_response(200)
    handler.send_header("Content-Type", kind)
    handler.send_header("Content-Length", str(len(body) if size is None else size))
    handler.end_headers()
    handler.wfile.write(body)


def html(handler):
    send(handler, b"<html>Please log in to this hotel's network</html>", kind="text/html")


def wrong(handler):
    send(handler, b"\x1f\x8b" + b"x" * 500)


def cut(handler):
    send(handler, b"\x1f\x8b" + b"x" * 137, size=5000)
    handler.connection.shutdown(socket.SHUT_RDWR)


def loop(handler):
    handler.send_response(302)
    handler.send_header("Location", handler.path)
    handler.send_header("Content-Length", "0")
    handler.end_headers()


def drip(handler):
    send(handler, b"", size=5000)
    for _ in range(5000):
        handler.wfile.write(b"x")
        handler.wfile.flush()
        time.sleep(0.05)


def hang(handler):
    send(handler, b"x", size=5000)
    time.sleep(60)


def broken(handler):
    handler.send_error(500)


FAULTS = {
    html: "wrong content",
    wrong: "wrong content",
    cut: "the transfer was incomplete",
    loop: "Exceeded 30 redirects",
    drip: "too slow",
    hang: "timed out",
    broken: "HTTP status 500",
}


@pytest.mark.fault(
    "Mirrors that refuse connections, stall, redirect in a loop, return status 500, or send HTML, "
    "another file, an incomplete file, or a few bytes per second",
    sees="a warning with the mirror and the reason; if all fail, one sentence with all reasons",
    then="the next mirror is used; then the fallback dataset, or the pipeline stops, depending on "
    "`data.fallback`; see above for the time limits",
)
@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
def test_the_next_mirror_is_used(
    published, tmp_path, monkeypatch, capsys, data_params, refused_url, web_server, fault
):
    monkeypatch.setattr(mirrors, "SLOW_SECONDS", 0.5)
    monkeypatch.setattr(mirrors, "READ_SECONDS", 0.3)
    target = tmp_path / "target"
    target.mkdir()

    def serve(handler):
        send(handler, (published / handler.path.rsplit("/", 1)[-1]).read_bytes())

    with web_server(fault) as bad, web_server(serve) as good:
        download(data_params(mirrors=[refused_url(), bad, good]), target)
        printed = capsys.readouterr().err
    names = {path.name for path in target.iterdir()}
    assert names == {"dataset.json", *catalog.NAMES}
    for path in published.iterdir():
        assert (target / path.stem).read_bytes() == gzip.decompress(path.read_bytes())
    line = next(line for line in printed.splitlines() if "warning" in line and bad in line)
    assert any(reason in line for reason in FAULTS[fault].split("|")), line


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
def test_if_all_mirrors_fail_one_sentence_says_why(
    published, tmp_path, monkeypatch, data_params, web_server, fault
):
    monkeypatch.setattr(mirrors, "SLOW_SECONDS", 0.5)
    monkeypatch.setattr(mirrors, "READ_SECONDS", 0.3)
    fails = pytest.raises(PipelineError, match="mnist could not be downloaded")
    with web_server(fault) as bad, fails as error:
        download(data_params(mirrors=[bad]), tmp_path)
    assert any(reason in str(error.value) for reason in FAULTS[fault].split("|"))
    assert list(tmp_path.glob("*ubyte*")) == []
