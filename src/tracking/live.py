"""Trainings in MLflow while they run: a thread creates the runs, sends rows, and completes them.

The stage never waits for the thread, except for a limited time at its end. A failure ends the
thread, with one warning; ``sync`` logs later what is missing.

The thread starts some seconds after the first training: to import MLflow takes seconds in which
Python runs nothing else, so it must not delay the import of TensorFlow and the compilation. A stage
that is shorter has no thread; ``sync``, at the end of ``compare``, logs its trainings.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from queue import SimpleQueue
from threading import Thread
from typing import Any

from src.models.record import Environment, Record, RunConfig
from src.tracking import notes
from src.training.checkpoint import Checkpoint

FIRST_SECONDS = 10.0  # after which the thread starts
SECONDS = 0.5  # between two updates, at least
MOST_SECONDS = 20  # that a stage waits at its end


@dataclass
class Training:
    """A training as the stage knows it, of which the thread logs what is new."""

    config: RunConfig
    note: notes.Note
    rows: list[dict[str, float]] = field(default_factory=list)  # of the history, with their time
    folder: Path | None = None  # of the output files, when they are complete
    has_failed: bool = False
    run: Any = None  # of MLflow
    sent: int = 0  # number of rows

    def log(self, client: Any) -> None:
        """Log what is new."""
        from src.tracking import runs

        if self.folder:
            runs.complete_run(client, self.folder, self.note)
            return
        self.run = self.run or runs.open_run(client, self.config, self.note)
        rows = self.rows[self.sent :]
        self.sent += len(rows)
        runs.log_rows(client, self.run, rows)
        if self.has_failed:
            client.set_terminated(self.run.info.run_id, "FAILED")


class LiveLogger:
    """Gets the news of the trainings of a stage, and writes the note of each training."""

    def __init__(self) -> None:
        self._changed: SimpleQueue[Training | None] = SimpleQueue()
        self._thread: Thread | None = None
        self._next_update = 0.0
        self._training: Training | None = None  # which runs now
        self._failure: tuple[str, Exception] | None = None

    def begin(self, config: RunConfig, environment: Environment, checkpoint: Checkpoint) -> None:
        """A training begins, or continues from its checkpoint, which can be complete."""
        note = notes.open_note(config, environment) if checkpoint.exists() else None
        if note is None and not checkpoint.is_complete():
            note = notes.new_note(environment)
            notes.save_open(config, note)
        self._training = Training(config, note) if note else None
        self._next_update = self._next_update or time.monotonic() + FIRST_SECONDS

    def row(self, row: dict[str, float]) -> None:
        """The training has a new row of its history."""
        if self._training:
            self._training.rows.append(row | {"at": time.time()})
            self.update()

    def update(self) -> None:
        """Let the thread log what is new, if it is time to do so."""
        if self._training and time.monotonic() >= self._next_update:
            self._next_update = time.monotonic() + SECONDS
            if self._thread is None:
                self._thread = Thread(target=self._log, daemon=True)
                self._thread.start()
            self._changed.put(self._training)

    def end(self, folder: Path, record: Record, seconds: list[float]) -> None:
        """The training has written its output files; ``seconds``: of each row of the history."""
        training, self._training = self._training, None
        if training:  # otherwise an earlier process has completed it
            notes.close_note(training.note, record, seconds)
            training.folder = folder
            self._changed.put(training)
        notes.write_timing()

    def close(self) -> None:
        """Wait for the thread, for a limited time; warn about what is not logged."""
        if self._thread is None:
            return
        if self._training:  # it raised an error
            self._training.has_failed = True
            self._changed.put(self._training)
        self._changed.put(None)
        from src.tracking import store

        if store.wait(self._thread, MOST_SECONDS) and self._failure:
            store.warn_failed(*self._failure)

    def _log(self) -> None:
        item = "the trainings"
        try:
            from src.tracking import store

            client = store.connect(store.store_uri())
            while training := self._changed.get():
                item = f"training of {training.config['name']}"
                with store.lock(store.store_uri()):
                    training.log(client)
        except Exception as error:  # MLflow and its stores raise many types
            self._failure = item, error


@contextmanager
def live_logger() -> Iterator[LiveLogger]:
    """Show the trainings in the block in MLflow."""
    logger = LiveLogger()
    try:
        yield logger
    finally:
        logger.close()
