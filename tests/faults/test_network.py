"""Mirrors that do not deliver the right file."""

import gzip
import socket
import time

import pytest

from src.common.errors import PipelineError
from src.ingest import catalog
from src.ingest import download as module
from src.ingest.download import download


@pytest.fixture
def published(tmp_path, monkeypatch, arrays, publish):
    """Return a folder with four files whose checksums are in the catalogue."""
    monkeypatch.setitem(catalog.CATALOGUE, "mnist", publish(tmp_path / "published", arrays()))
    monkeypatch.setattr(module, "TIMEOUT", (3, 0.3))
    return tmp_path / "published"


def send(handler, body: bytes, size: int | None = None, kind: str = "application/gzip") -> None:
    handler.send_response(200)
    handler.send_header("Content-Type", kind)
    handler.send_header("Content-Length", str(len(body) if size is None else size))
    handler.end_headers()
    handler.wfile.write(body)


def html(handler):
    send(handler, b"<html>Please log in to this hotel's network</html>", kind="text/html")


def cut(handler):
    send(handler, b"\x1f\x8b" + b"x" * 137, size=5000)
    handler.connection.shutdown(socket.SHUT_RDWR)


def hang(handler):
    send(handler, b"x", size=5000)
    time.sleep(60)


def broken(handler):
    handler.send_error(500)


FAULTS = {
    html: "wrong content",
    cut: "IncompleteRead",
    hang: "timed out",
    broken: "500 Server Error",
}


@pytest.mark.parametrize(("fault", "reason"), FAULTS.items(), ids=lambda each: str(each)[10:15])
def test_the_next_mirror_is_used(
    published, target, capsys, data_params, refused_url, web_server, fault, reason
):
    def serve(handler):
        send(handler, (published / handler.path.rsplit("/", 1)[-1]).read_bytes())

    with web_server(fault) as bad, web_server(serve) as good:
        with pytest.raises(PipelineError, match=rf"mnist could not be downloaded:\n.*{reason}"):
            download(data_params(mirrors=[bad]), target)
        assert list(target.iterdir()) == []
        capsys.readouterr()
        download(data_params(mirrors=[refused_url(), bad, good]), target)
    assert {path.name for path in target.iterdir()} == {"dataset.json", *catalog.NAMES}
    for path in published.iterdir():
        assert (target / path.stem).read_bytes() == gzip.decompress(path.read_bytes())
    refused, warning = (
        line for line in capsys.readouterr().err.splitlines() if line.startswith("warning")
    )
    assert "Connection refused" in refused and bad in warning and reason in warning
