"""Logging that never raises: failures go to a log file, and end in one warning."""

import sys
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from src.common.errors import PipelineError
from src.common.paths import LOGS, main_checkout
from src.tracking.store import connect, store_uri, without_secrets

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
            except PipelineError as error:  # a file here is damaged; the store is not to blame
                self._record(item, error)
            except Exception as error:
                self._failures_in_a_row += 1
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
            print(
                f"warning: MLflow at {without_secrets(store_uri())} did not log: "
                f"{', '.join(self._failed)} ({self._reason}); details in {ERRORS}; "
                "`make send` retries; no other result is affected",
                file=sys.stderr,
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
                file.write(f"{time.strftime('%F %T')} {item}\n{without_secrets(text)}\n")


def short_reason(error: BaseException) -> str:
    """The first cause of an error, such as ``Connection refused``, on one line."""
    while cause := error.__cause__ or error.__context__:
        error = cause
    return without_secrets(" ".join(f"{type(error).__name__}: {error}".split()))[:200]
