"""The stage's side of the background process that logs to MLflow."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

TIMEOUT = 600  # seconds to log what is left; a store that does not respond is given up earlier

# Sends the name of a method of ``StageLogger`` and its arguments, JSON, without waiting.
Log = Callable[..., None]


@contextmanager
def background_logger() -> Iterator[Log]:
    """Start the background process; the end of the block waits until everything is logged."""
    # In its own process group Ctrl-C does not reach it; if the stage dies, its input ends.
    command = [sys.executable, "-m", "src.tracking"]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, text=True, process_group=0)
    assert process.stdin is not None

    def log(message: str, **arguments: Any) -> None:
        with suppress(BrokenPipeError):  # reported below
            print(json.dumps([message, arguments]), file=process.stdin, flush=True)

    try:
        yield log
    finally:
        with suppress(BrokenPipeError):
            process.stdin.close()
        try:
            with suppress(subprocess.TimeoutExpired):
                process.wait(TIMEOUT)
        finally:
            process.kill()  # no effect if it has ended
            if process.wait():
                print(
                    "warning: logging to MLflow stopped early; `make send` logs what is missing; "
                    "no other result is affected",
                    file=sys.stderr,
                )
