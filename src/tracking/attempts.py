"""Logging that never raises: failures go to a log file, and end in one warning."""

import sqlite3
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from http import HTTPStatus
from typing import Any

from src.common.messages import clean, warn
from src.common.paths import LOGS, main_checkout
from src.tracking.store import connect, store_uri

ERRORS = LOGS / "mlflow-errors.log"  # in the main checkout
MAX_FAILURES = 2  # in a row, after which the store is given up: each may take its full timeout
MAX_BYTES = 1_000_000  # of the log file, which then starts again


class Attempts:
    """The attempts of one process to log items to the store."""

    def __init__(self) -> None:
        self._failed: dict[str, None] = {}  # items, in the order of their first failure
        self._reason = ""  # of the first failure
        self._failures_in_a_row = 0

    def connect(self) -> None:
        """Connect to the store before there is anything to log."""
        with suppress(Exception):
            self._connect()

    def run(self, item: str, action: Callable[[Any], None]) -> bool:
        """Call ``action`` with a client, unless the store is given up; return whether it succeeded.

        A later action for the same item, its name in the warning, may repair a failure.
        """
        if self._failures_in_a_row < MAX_FAILURES:
            try:
                action(self._connect())
            except Exception as error:
                self._failures_in_a_row += not _is_answer(error)
                self._record(item, error)
            else:
                self._failures_in_a_row = 0
                self._failed.pop(item, None)
                return True
        self._failed[item] = None
        return False

    def report(self) -> bool:
        """Print one warning if any item is not logged; return whether all are."""
        if self._failed:
            warn(
                f"MLflow at {store_uri()} did not log: {', '.join(self._failed)} "
                f"({self._reason}); details in {ERRORS}; `make send` retries; no other result is "
                "affected"
            )
        return not self._failed

    def _connect(self) -> Any:
        try:
            return connect(store_uri())
        except Exception as error:
            self._failures_in_a_row = MAX_FAILURES
            self._record("connection", error)
            raise

    def _record(self, item: str, error: Exception) -> None:
        self._reason = self._reason or short_reason(error)
        text = "".join(traceback.format_exception(error))
        path = main_checkout() / ERRORS
        with suppress(OSError):  # the warning has the reason
            path.parent.mkdir(parents=True, exist_ok=True)
            restart = path.exists() and path.stat().st_size > MAX_BYTES
            with path.open("w" if restart else "a", encoding="utf-8") as file:
                file.write(f"{time.strftime('%F %T')} {item}\n{clean(text)}\n")


def short_reason(error: BaseException) -> str:
    """The first cause of an error, such as ``Connection refused``, on one line."""
    while cause := error.__cause__ or error.__context__:
        error = cause
    return clean(" ".join(f"{type(error).__name__}: {error}".split()))[:200]


def _is_answer(error: Exception) -> bool:
    """Whether the store responded: it refused one item, or something here is wrong with it.

    Then the other items can still be logged.
    """
    from mlflow.exceptions import MlflowException

    if isinstance(error, MlflowException):
        return error.get_http_status_code() < HTTPStatus.INTERNAL_SERVER_ERROR
    failures = OSError, sqlite3.Error, RuntimeError
    return isinstance(error, FileNotFoundError) or not isinstance(error, failures)
