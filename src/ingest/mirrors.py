"""Web servers as sources of IDX files; without a network, they cost only a few seconds."""

import logging
import tempfile
import time
from pathlib import Path
from threading import Thread
from typing import Any

import pooch
import requests
import urllib3
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

from src.ingest import canonical
from src.ingest.catalog import Dataset
from src.ingest.sources import SourceError, write_verified

CONNECT_SECONDS = 3
READ_SECONDS = 10
# The time for all mirrors together: a name lookup has no timeout and can block for long.
PROBE_SECONDS = 5
# A transfer ends if its mean speed is lower than this after so many seconds.
MIN_BYTES_PER_SECOND = 20_000
SLOW_SECONDS = 30
CHUNK_BYTES = 1 << 16
pooch.get_logger().setLevel(logging.CRITICAL)  # this module reports errors itself


class Mirror:
    """One base URL. Its constructor starts a probe of the server in the background.

    Create all mirrors before the first ``fetch``, so that the probes run at the same time.
    """

    def __init__(self, url: str, console: Console):
        self.label = url.rstrip("/") + "/"
        self._console = console
        self._error = f"no response within {PROBE_SECONDS} s"
        self._deadline = time.monotonic() + PROBE_SECONDS
        # A daemon thread does not delay the end of the process while a name lookup blocks.
        self._probe = Thread(target=self._connect, daemon=True)
        self._probe.start()

    def fetch(self, name: str, dataset: Dataset, target: Path) -> bool:
        """Download the .gz file, verify its checksum, and write its content into ``target``.

        Returns:
            True.

        Raises:
            SourceError: no connection, an HTTP error, an incomplete transfer, or wrong content.
                After a failed connection or a slow transfer, later calls fail at once.
        """
        self._probe.join(max(0, self._deadline - time.monotonic()))
        if self._error:
            raise SourceError(self._error)
        known = dataset.files[name]
        # Inside the target: it has enough space, and is deleted also after this process was killed.
        with tempfile.TemporaryDirectory(dir=target) as folder:
            packed = self._retrieve(f"{known.name}.gz", known.gzip, folder)
            pieces = canonical.read_pieces(packed, name, dataset)
            write_verified(pieces, known.content, target / name)
        return True

    def _retrieve(self, name: str, checksum: str, folder: str) -> Path:
        """Download one file with this checksum into a folder."""
        try:
            return Path(
                pooch.retrieve(
                    self.label + name, checksum, name, path=folder, downloader=self._download
                )
            )
        except requests.HTTPError as error:
            raise SourceError(f"HTTP status {error.response.status_code}") from None
        except urllib3.exceptions.ProtocolError:
            raise SourceError("the transfer was incomplete") from None
        except (TimeoutError, requests.RequestException, urllib3.exceptions.HTTPError) as error:
            self._error = _root_cause(error)
            raise SourceError(self._error) from None
        except ValueError:  # of pooch
            raise SourceError("wrong content (its checksum differs)") from None

    def _connect(self) -> None:
        try:
            requests.head(  # any HTTP status is a response
                self.label, timeout=(CONNECT_SECONDS, PROBE_SECONDS), allow_redirects=False
            )
            self._error = ""
        except (OSError, ValueError, urllib3.exceptions.HTTPError) as error:
            self._error = _root_cause(error)
        except TypeError:  # of requests
            self._error = "the address of the proxy has no host; see HTTP_PROXY and HTTPS_PROXY"

    def _download(self, url: str, path: str, _: Any) -> None:
        """Download without verification: pooch calls this, and verifies the file."""
        columns = BarColumn(), DownloadColumn(), TransferSpeedColumn()
        started, received = time.monotonic(), 0
        with (
            requests.get(
                url,
                stream=True,
                timeout=(CONNECT_SECONDS, READ_SECONDS),
                headers={"Accept-Encoding": "identity"},
            ) as response,
            Progress(
                TextColumn("{task.description}"),
                *columns,
                console=self._console,
                transient=True,
                disable=not self._console.is_terminal,
            ) as progress,
            open(path, "wb") as file,
        ):
            response.raise_for_status()
            task = progress.add_task(url.rsplit("/", 1)[1], total=response.raw.length_remaining)
            # `read1` returns what has arrived, so that the speed of a slow server is checked;
            # without decoding, because some servers call a .gz file "gzip-encoded".
            while chunk := response.raw.read1(CHUNK_BYTES, decode_content=False):
                file.write(chunk)
                received += len(chunk)
                progress.update(task, completed=received)
                seconds = time.monotonic() - started
                if seconds > SLOW_SECONDS and received < MIN_BYTES_PER_SECOND * seconds:
                    raise TimeoutError(f"too slow: {received / seconds:,.0f} bytes per second")


def _root_cause(error: BaseException) -> str:
    """The message of the first error; the errors raised from it repeat the URL several times."""
    while error.__context__:
        error = error.__context__
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return " ".join(text.split())
