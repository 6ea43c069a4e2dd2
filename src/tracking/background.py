"""The stage's side of the background process that logs to MLflow. The stage never waits for it."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from queue import SimpleQueue
from threading import Thread
from typing import IO, Any

from src.common.messages import warn

LIMIT = 60  # seconds, at the end of the stage, to log what is left
MOST_WAITING = 100  # messages, after which the rows of a training are logged at its end

# Sends the name of a method of ``StageLogger`` and its arguments, JSON, without waiting.
Log = Callable[..., None]


@contextmanager
def background_logger() -> Iterator[Log]:
    """Start the background process; the end of the block waits for it, at most ``LIMIT`` seconds.

    What is not logged until then is logged later, from files: see ``sync``.
    """
    from src.tracking.messages import StageMessages  # here, because it imports NumPy

    # In its own process group Ctrl-C does not reach it; if the stage dies, its input ends.
    command = [sys.executable, "-m", "src.tracking"]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, text=True, process_group=0)
    assert process.stdin is not None
    waiting: SimpleQueue[str | None] = SimpleQueue()
    # A process that is slow or stopped blocks this thread, but not the stage.
    Thread(target=_send, args=(waiting, process.stdin), daemon=True).start()
    messages = StageMessages()

    def log(message: str, **arguments: Any) -> None:
        arguments = messages.complete(message, arguments)
        if message != "rows" or waiting.qsize() < MOST_WAITING:
            waiting.put(json.dumps([message, arguments]))

    try:
        yield log
    finally:
        waiting.put(None)
        try:
            with suppress(subprocess.TimeoutExpired):
                process.wait(LIMIT)
        finally:
            process.kill()  # no effect if it has ended
            if process.wait():
                warn(
                    "logging to MLflow stopped early; `make send` logs what is missing; no other "
                    "result is affected"
                )


def _send(waiting: SimpleQueue[str | None], target: IO[str]) -> None:
    with suppress(BrokenPipeError), target:  # the process ended; the stage reports it
        for line in iter(waiting.get, None):
            print(line, file=target, flush=True)
