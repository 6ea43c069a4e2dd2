"""A mirror delivers exactly the published bytes, or says in a few words why not."""

import gzip
import hashlib
import io
import socket
import time

import pytest
from rich.console import Console
from src.ingest.mirrors import Mirror
from src.ingest.sources import SourceError

from src.ingest import idx, mirrors
from src.ingest.catalog import Dataset, PublishedFile

CONTENT = idx.header((50_000,)) + b"0123456789" * 5000
BODY = gzip.compress(CONTENT, mtime=0)
CHECKSUMS = [hashlib.sha256(each).hexdigest() for each in (BODY, CONTENT)]
KNOWN = Dataset({"a": PublishedFile("a", *CHECKSUMS)})


@pytest.fixture(autouse=True)
def short_times(monkeypatch):
    monkeypatch.setattr(mirrors, "SLOW_SECONDS", 0.5)
    monkeypatch.setattr(mirrors, "READ_SECONDS", 0.3)


def send(handler, body=BODY, size=None, status=200, **headers):
    handler.send_response(status)
    handler.send_header("Content-Length", str(len(body) if size is None else size))
    for name, value in headers.items():
        handler.send_header(name.replace("_", "-"), value)
    handler.end_headers()
    handler.wfile.write(body)


def cut(handler):
    send(handler, BODY[:20], size=len(BODY))
    handler.connection.shutdown(socket.SHUT_RDWR)


def stall(handler):
    send(handler, b"x", size=5000)
    time.sleep(60)


def drip(handler):
    send(handler, b"", size=5000)
    for _ in range(5000):
        handler.wfile.write(b"x")
        time.sleep(0.05)


def chunked(handler):
    handler.protocol_version = "HTTP/1.1"
    handler.send_response(200)
    handler.send_header("Transfer-Encoding", "chunked")
    handler.end_headers()
    handler.wfile.write(b"%x\r\n%s\r\n0\r\n\r\n" % (len(BODY), BODY))


def fetch(url, folder, console=None):
    Mirror(url, console or Console(file=io.StringIO())).fetch("a", KNOWN, folder)


@pytest.mark.parametrize(
    "get",
    [send, lambda handler: send(handler, Content_Encoding="gzip"), chunked],
    ids=["plain", "called gzip-encoded", "chunked"],
)
def test_the_content_of_a_file_arrives_byte_for_byte(web_server, tmp_path, get):
    with web_server(get) as url:
        fetch(url, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["a"]
    assert (tmp_path / "a").read_bytes() == CONTENT
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o644


@pytest.mark.parametrize(
    ("get", "reason"),
    [
        (lambda handler: send(handler, b"<html>Log in</html>"), "wrong content"),
        (lambda handler: send(handler, b""), "wrong content"),
        (lambda handler: send(handler, status=404), "HTTP status 404"),
        (cut, "the transfer was incomplete"),
        (stall, "timed out"),
        (drip, "too slow: .* bytes per second"),
    ],
    ids=["html", "empty", "404", "cut", "stall", "drip"],
)
def test_a_bad_response_leaves_no_file(web_server, tmp_path, get, reason):
    with web_server(get) as url, pytest.raises(SourceError, match=reason):
        fetch(url, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_mirror_that_refuses_or_stalls_is_not_tried_again(web_server, tmp_path, refused_url):
    requests = []

    def get(handler):
        requests.append(handler.path)
        stall(handler)

    with web_server(get) as url:
        stalling = Mirror(url, Console(file=io.StringIO()))
        for mirror in [stalling, Mirror(refused_url(), Console(file=io.StringIO()))] * 2:
            with pytest.raises(SourceError, match=r"timed out|Connection refused"):
                mirror.fetch("a", KNOWN, tmp_path)
    assert requests == ["/a.gz"]


def test_a_server_without_a_response_is_given_up(monkeypatch, tmp_path):
    monkeypatch.setattr(mirrors, "PROBE_SECONDS", 0.2)
    no_response = pytest.raises(SourceError, match=r"no response within 0\.2 s|timed out")
    with socket.create_server(("127.0.0.1", 0)) as silent, no_response:
        fetch(f"http://127.0.0.1:{silent.getsockname()[1]}", tmp_path)


def test_silent_mirrors_are_probed_at_the_same_time(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        probes = [Mirror(url, Console(file=io.StringIO())) for _ in range(3)]
        silent.settimeout(10)
        connections = [silent.accept()[0] for _ in probes]  # before any of them has a response
        for connection in connections:
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
            connection.close()
        for mirror in probes:
            mirror._probe.join()
            assert mirror._error == ""


def test_a_terminal_shows_the_progress(web_server, tmp_path):
    console = Console(file=io.StringIO(), force_terminal=True, width=100)
    with web_server(send) as url:
        fetch(url, tmp_path, console)
    assert "a.gz" in console.file.getvalue()


@pytest.mark.parametrize(
    "proxy",
    [
        "http://user:se/cret@127.0.0.1:1",
        "http://user:sec#ret@127.0.0.1:1",
        "http://user:secret@[127:1",
        "http://user:secret@",
        "user:secret@127.0.0.1:1",
    ],
)
def test_no_part_of_the_password_of_a_malformed_proxy_is_shown(proxy, tmp_path, monkeypatch):
    monkeypatch.setattr(mirrors, "PROBE_SECONDS", 1)
    monkeypatch.setenv("http_proxy", proxy)
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    with pytest.raises(SourceError) as error:
        fetch("http://mirror.example/", tmp_path)
    assert not any(part in str(error.value) for part in ("secret", "se/", "user:", "sec#", "ret@"))


def test_a_password_in_netrc_is_used(web_server, tmp_path, monkeypatch):
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login someone password secret\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))

    def get(handler):
        allowed = handler.headers["Authorization"] == "Basic c29tZW9uZTpzZWNyZXQ="
        send(handler, status=200 if allowed else 401)

    target = tmp_path / "target"
    target.mkdir()
    with web_server(get) as url:
        fetch(url, target)
    assert (target / "a").read_bytes() == CONTENT


def test_escape_codes_of_a_server_are_not_printed(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as server:
        mirror = Mirror(f"http://127.0.0.1:{server.getsockname()[1]}", Console(file=io.StringIO()))
        server.settimeout(10)
        with server.accept()[0] as connection:
            connection.sendall(b"\x1b[31mHTTP\x9b2J\r\n\r\n")
            with pytest.raises(SourceError) as error:
                mirror.fetch("a", KNOWN, tmp_path)
    assert r"\x1b[31m" in str(error.value)
    assert str(error.value).isprintable()
