"""Servers on localhost: programs that serve, and ones that behave as a test wants; ports."""

import http.server
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

Handler = http.server.BaseHTTPRequestHandler


def not_found(handler: Handler) -> None:
    handler.send_response(404)
    handler.end_headers()


@contextmanager
def web_server(
    get: Callable[[Handler], None], others: Callable[[Handler], None] = not_found
) -> Iterator[str]:
    """The address of a server that answers a GET by ``get(handler)``, HEAD and POST by others."""

    def answered_by(answer: Callable[[Handler], None]) -> Callable[[Handler], None]:
        def do(handler: Handler) -> None:
            try:
                answer(handler)
            except OSError:  # the other side has had enough
                handler.close_connection = True

        return do

    class Quiet(Handler):
        do_GET, do_HEAD, do_POST = map(answered_by, (get, others, others))

        def log_message(self, *_: object) -> None:
            pass

    class Server(http.server.ThreadingHTTPServer):
        daemon_threads = True
        block_on_close = False  # an answer may take longer than the test

    with Server(("127.0.0.1", 0), Quiet) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def free_port() -> int:
    """A port of this machine at which nothing listens."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        return free.getsockname()[1]


def refused_url() -> str:
    """An address at which nothing listens."""
    return f"http://127.0.0.1:{free_port()}/"


@contextmanager
def serving(
    words: list[str],
    folder: Path,
    environment: dict[str, str] = os.environ,
    port: int | None = None,
    ready: str = "/",
) -> Iterator[str]:
    """The address of a module of Python's that serves, once it answers; killed with all it started.

    Args:
        words: the module and its arguments, but for ``--port``.
        folder: to start it in.
        environment: of the process.
        port: at which to serve; any if not given.
        ready: the path at which it answers.
    """
    port = port or free_port()
    address, log = f"http://127.0.0.1:{port}", folder / f"server-{port}.log"
    with log.open("a") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", *words, "--port", str(port)],
            cwd=folder,
            env=environment,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        deadline = time.monotonic() + 120
        while True:
            try:
                urllib.request.urlopen(address + ready, timeout=120).close()
                break
            except OSError:
                assert process.poll() is None and time.monotonic() < deadline, log.read_text()
                time.sleep(0.2)
        yield address
        assert "Traceback" not in log.read_text()
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(30)


def mlflow_server(store: str, folder: Path, port: int | None = None):
    """The address of `mlflow server`, as `make ui` starts it, in a folder."""
    words = ["mlflow", "server", "--workers", "1", "--host", "127.0.0.1"]
    words += ["--backend-store-uri", store, "--artifacts-destination", "mlruns"]
    quiet = {"MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    return serving(words, folder, os.environ | quiet, port, "/health")
