"""MLflow, known to this package only: a run for each training, the comparison, the registry.

The record is in files; MLflow is where people look. So nothing here raises: what a store does not
take costs a few seconds and one line of warning, never a training, and is kept until a later
stage, or ``make send``, can send it.

MLflow takes seconds to import and to open its store. So stages log by a process beside them,
``python -m src.tracking``, which does both while the stage is busy.
"""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, Protocol

PATIENCE = 600  # seconds to log what is left; a store that does not answer is given up in ten


class Log(Protocol):
    """What logs by another process: at once, as far as the caller sees."""

    def __call__(self, what: str, **details: Any) -> None:
        """Log a ``begin``, ``rows``, an ``end``, ``evaluation`` or ``comparison``.

        The details, JSON, are the arguments of the method of that name in ``session.Session``.
        """


@contextmanager
def background_logger() -> Iterator[Log]:
    """Log by a process beside this one; the end of the block waits until all is logged."""
    # In a group of its own, Ctrl-C is not its concern; without a caller, its input ends.
    command = [sys.executable, "-m", "src.tracking"]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, text=True, process_group=0)

    def log(what: str, **details: Any) -> None:
        with suppress(BrokenPipeError):  # told below
            print(json.dumps([what, details]), file=process.stdin, flush=True)

    try:
        yield log
    finally:
        with suppress(BrokenPipeError):
            process.stdin.close()
        try:
            with suppress(subprocess.TimeoutExpired):
                process.wait(PATIENCE)
        finally:
            process.kill()  # nothing, if it has ended
            if process.wait():
                print("warning: not all is logged in MLflow; nothing else is lost", file=sys.stderr)
