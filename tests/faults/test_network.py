"""Mirrors that misbehave in every way."""

import socket
import time

import pytest

from src.common.errors import PipelineError
from src.ingest import catalog, mirrors
from src.ingest.download import download
from tests.idx_files import arrays, data_params, write_set
from tests.servers import refused_url, web_server


@pytest.fixture
def published(tmp_path, monkeypatch):
    """Four files that the catalogue knows; their folder."""
    folder = tmp_path / "published"
    checksums = write_set(folder, arrays())
    monkeypatch.setitem(catalog.CATALOGUE, "mnist", catalog.Dataset(checksums, ()))
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
    cut: "the transfer broke off",
    loop: "Exceeded 30 redirects",
    drip: "too slow: not whole after",
    hang: "stalled|timed out|broke off",
    broken: "HTTP status 500",
}


@pytest.mark.fault(
    "Mirrors that refuse, hang, redirect in a loop, answer 500, send HTML, another file, a part, "
    "or a byte now and then",
    sees="a warning with mirror and reason; where none serves, one sentence with all of them",
    then="the next mirror; then the fallback dataset, or a stop, by `data.fallback`; for the time "
    "that it takes see above",
)
@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
def test_the_next_mirror_serves(published, tmp_path, monkeypatch, capsys, fault):
    monkeypatch.setattr(mirrors, "SLOW_SECONDS", 0.5)
    monkeypatch.setattr(mirrors, "READ_SECONDS", 0.3)
    target = tmp_path / "target"
    target.mkdir()

    def serve(handler):
        send(handler, (published / handler.path.rsplit("/", 1)[-1]).read_bytes())

    with web_server(fault) as bad, web_server(serve) as good:
        download(data_params(mirrors=[refused_url(), bad, good]), target)
        told = capsys.readouterr().err
    names = {path.name for path in target.iterdir()}
    assert names == {"dataset.json", *(path.name for path in published.iterdir())}
    for path in published.iterdir():
        assert (target / path.name).read_bytes() == path.read_bytes()
    line = next(line for line in told.splitlines() if "warning" in line and bad in line)
    assert any(reason in line for reason in FAULTS[fault].split("|")), line


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
def test_without_another_it_is_told_in_a_sentence(published, tmp_path, monkeypatch, fault):
    monkeypatch.setattr(mirrors, "SLOW_SECONDS", 0.5)
    monkeypatch.setattr(mirrors, "READ_SECONDS", 0.3)
    unmet = pytest.raises(PipelineError, match="mnist could not be had")
    with web_server(fault) as bad, unmet as told:
        download(data_params(mirrors=[bad]), tmp_path)
    assert any(reason in str(told.value) for reason in FAULTS[fault].split("|"))
    assert list(tmp_path.glob("*ubyte*")) == []
