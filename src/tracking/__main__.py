"""The background process of a stage: reads messages, lines of JSON, from standard input."""

import json
import sys
import warnings
from collections.abc import Iterator
from queue import SimpleQueue
from threading import Thread
from typing import Any

from src.common.errors import run
from src.tracking.stage_logger import StageLogger

Message = tuple[str, dict[str, Any]]


def main() -> None:
    warnings.simplefilter("ignore")  # MLflow's warnings address developers
    lines: SimpleQueue[str | None] = SimpleQueue()
    Thread(target=_read, args=(lines,), daemon=True).start()
    logger = StageLogger()
    logger.connect()
    for message, arguments in merged(lines):
        getattr(logger, message)(**arguments)
    logger.close()


def merged(lines: SimpleQueue[str | None]) -> Iterator[Message]:
    """The messages in these lines, up to None.

    A store can be slower than a training. Therefore all waiting rows are one message; those in
    front of another message are left out, because the end of a training logs all rows.
    """
    line: str | None = ""
    while line is not None:
        waiting: list[Message] = []
        while line is not None and not (waiting and lines.empty()):
            if line := lines.get():
                waiting.append(tuple(json.loads(line)))
        rows = [row for name, arguments in waiting for row in arguments.get("rows", [])]
        yield from (each for each in waiting if each[0] != "rows")
        if waiting and waiting[-1][0] == "rows":
            yield "rows", {"rows": rows}


def _read(lines: SimpleQueue[str | None]) -> None:
    for line in sys.stdin:
        lines.put(line)
    lines.put(None)


if __name__ == "__main__":
    run(main)
