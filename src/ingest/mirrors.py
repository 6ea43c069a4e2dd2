"""Public mirrors as sources of IDX files, with a quick end where there is no network."""

import logging
import time
from concurrent.futures import Future
from pathlib import Path
from threading import Thread, Timer

import pooch
import requests
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

from src.ingest.folders import SourceError

CONNECT_SECONDS = 3
READ_SECONDS = 10
# A file may take so long, and longer if it is large: then the mirror is given up.
SLOW_SECONDS = 30
SLOW_RATE = 20_000  # bytes per second
MAX_SECONDS = 900
# For all mirrors together: looking a name up has no time limit of its own, and can hang.
PROBE_SECONDS = 5


class Mirror:
    """One base URL, probed in the background from its creation on.

    Create all mirrors before asking one for a file, so that dead ones are waited for together.
    """

    def __init__(self, url: str, console: Console):
        self.label = url.rstrip("/") + "/"
        self._console = console
        self._dead: str | None = None
        self._deadline = time.monotonic() + PROBE_SECONDS
        self._fault: Future[str | None] = Future()  # None once somebody answered
        # A daemon: a look-up that hangs must hold up neither this stage nor its end.
        Thread(target=self._probe, daemon=True).start()

    def fetch(self, name: str, sha256: str, target: Path) -> None:
        """Bring one file into ``target``; it takes its name only if the checksum is right.

        Raises:
            SourceError: no answer, a refusal, a broken transfer, or wrong content. A mirror that
                could not be connected to refuses at once from then on.
        """
        if self._dead:
            raise SourceError(self._dead, expected=True)
        self._dead = self._wait_for_probe()
        if self._dead:
            raise SourceError(self._dead)
        try:
            _retrieve(self.label + name, name, sha256, target, self._console)
        except TooSlow as error:
            self._dead = str(error)
            raise SourceError(self._dead) from None
        except requests.HTTPError as error:
            raise SourceError(f"HTTP status {error.response.status_code}") from None
        except requests.exceptions.ChunkedEncodingError:
            raise SourceError("the transfer broke off") from None
        except requests.RequestException as error:
            self._dead = _in_few_words(error)
            raise SourceError(self._dead) from None
        except ValueError:  # how pooch reports a wrong checksum
            raise SourceError("wrong content (its SHA-256 differs)") from None

    def _probe(self) -> None:
        try:
            # Any status will do: what matters is that somebody answers.
            requests.head(
                self.label, timeout=(CONNECT_SECONDS, PROBE_SECONDS), allow_redirects=False
            )
        except Exception as error:
            self._fault.set_result(_in_few_words(error))
        else:
            self._fault.set_result(None)

    def _wait_for_probe(self) -> str | None:
        try:
            return self._fault.result(timeout=max(0, self._deadline - time.monotonic()))
        except TimeoutError:
            return f"no answer within {PROBE_SECONDS} s"


class TooSlow(Exception):
    """A transfer that would take too long."""


class _Limit:
    """Ends a transfer that is too slow; time limits of sockets see only that something comes."""

    def __init__(self) -> None:
        self._timer: Timer | None = None
        self._seconds, self._ended = 0.0, False

    def begin(self, response: requests.Response, **_: object) -> None:
        """Give a response its time, by the size that it announces."""
        self._stop()
        size = response.headers.get("Content-Length", "")
        allowance = int(size) / SLOW_RATE if size.isdigit() else MAX_SECONDS
        self._seconds = min(MAX_SECONDS, SLOW_SECONDS + allowance)
        self._timer = Timer(self._seconds, self._end, [response])
        self._timer.daemon = True
        self._timer.start()

    def __enter__(self) -> None:
        pass

    def __exit__(self, *_: object) -> None:
        self._stop()
        if self._ended:
            raise TooSlow(f"too slow: not whole after {self._seconds:.0f} s") from None

    def _end(self, response: requests.Response) -> None:
        self._ended = True
        response.raw.shutdown()

    def _stop(self) -> None:
        if self._timer:
            self._timer.cancel()


class _PoochBar:
    """What pooch wants of a progress bar, drawn by rich."""

    def __init__(self, progress: Progress, name: str):
        self._progress = progress
        self._task = progress.add_task(name, total=None)
        self._total = 0

    @property
    def total(self) -> int:
        return self._total

    @total.setter
    def total(self, size: int) -> None:
        self._total = size
        self._progress.update(self._task, total=size or None)

    def update(self, size: int) -> None:
        self._progress.advance(self._task, size)

    def reset(self) -> None:
        self._progress.update(self._task, completed=0)

    def close(self) -> None:
        pass


def _retrieve(url: str, name: str, sha256: str, target: Path, console: Console) -> None:
    pooch.get_logger().setLevel(logging.CRITICAL)  # it would say the same in other words
    columns = TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn()
    limit = _Limit()
    with (
        Progress(
            *columns, console=console, transient=True, disable=not console.is_terminal
        ) as progress,
        limit,
    ):
        downloader = pooch.HTTPDownloader(
            progressbar=_PoochBar(progress, name),
            chunk_size=1 << 16,
            timeout=(CONNECT_SECONDS, READ_SECONDS),
            # Otherwise a server may say "gzip-encoded", and requests would unpack the file.
            headers={"Accept-Encoding": "identity"},
            hooks={"response": limit.begin},
        )
        pooch.retrieve(url, sha256, fname=name, path=target, downloader=downloader)
    (target / name).chmod(0o644)  # pooch leaves its temporary file's mode: for the owner only


def _in_few_words(error: Exception) -> str:
    """The root of the error: the text around it repeats the address several times."""
    if isinstance(error, requests.ReadTimeout):
        return "the connection stalled"
    if isinstance(error, requests.Timeout):
        return f"no connection within {CONNECT_SECONDS} s"
    cause = error.args[0] if error.args else error
    reason = getattr(cause, "reason", None) or cause
    return str(reason).rsplit(": ", 1)[-1] or type(error).__name__
