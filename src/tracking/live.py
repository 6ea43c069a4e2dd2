"""Trainings in MLflow while they run: a thread creates the runs and sends the rows.

The stage waits for the thread only at its end, for a limited time. A failure ends the thread, with
one warning. ``sync``, which ``compare`` calls, logs what is missing, and the models.

The thread starts some seconds after the first training: to import MLflow takes seconds in which
Python runs nothing else, so it must not delay the import of TensorFlow and the compilation. A stage
that is shorter logs nothing.
"""

import shutil
import time
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event, Timer
from typing import Any

from src.models.record import Environment, Record, RunConfig
from src.tracking import notes, runs, store

START_SECONDS = 10.0  # after which the thread starts
UPDATE_SECONDS = 0.5  # between two updates
WAIT_SECONDS = 20  # that a stage waits at its end


@dataclass
class Training:
    """A training as the stage knows it, of which the thread logs what is new."""

    config: RunConfig
    note: notes.Note
    rows: list[dict[str, float]] = field(default_factory=list)  # of the history, with their time
    status: str = "RUNNING"  # of MLflow
    run: Any = None  # of MLflow
    sent: int = 0  # number of rows

    def log(self, client: Any) -> bool:
        """Log what is new; return whether that was the end."""
        # The status first: rows that come later are sent next time.
        status, rows = self.status, self.rows[self.sent :]
        if self.run is None:
            run = runs.find_run(client, self.config, f"start_time = {self.note['start']}")
            self.run = runs.open_run(client, self.config, self.note, run)
        if rows:
            runs.log_rows(client, self.run, self.config, rows)
            self.sent += len(rows)
        if status != "RUNNING":
            # Without rows, the training was complete before, and its run has ended.
            info = self.run.info
            client.set_terminated(info.run_id, status, None if self.rows else info.end_time)
        return status != "RUNNING"


class LiveLogger:
    """Receives the events of the trainings of a stage, and writes their notes; must be closed."""

    def __init__(self) -> None:
        self._trainings: list[Training] = []
        self._thread = Timer(START_SECONDS, self._log)
        self._thread.daemon = True
        self._closed = Event()

    def begin(self, config: RunConfig, environment: Environment, resumes: bool) -> Path:
        """A training begins, or continues from its checkpoint; return the folder of its curves."""
        note = notes.begin_note(config, environment, resumes)
        self._trainings.append(Training(config, note))
        if len(self._trainings) == 1:
            self._thread.start()
        folder = notes.curves_folder(config, note)
        if not resumes:
            shutil.rmtree(folder.parent, ignore_errors=True)  # earlier trainings with this name
        return folder

    def row(self, row: dict[str, float]) -> None:
        """The training has a new row of its history."""
        self._trainings[-1].rows.append(row | {"at": 1000 * time.time()})

    def end(self, record: Record, seconds: list[float]) -> None:
        """The training has written its output files; ``seconds``: of each row of the history."""
        notes.end_note(self._trainings[-1].note, record, seconds)
        self._trainings[-1].status = "FINISHED"

    def close(self) -> None:
        """Wait for the thread, for a limited time; if it has not started, it does not start."""
        if not self._trainings:
            return
        if self._trainings[-1].status == "RUNNING":  # it raised an error
            self._trainings[-1].status = "FAILED"
        self._closed.set()
        self._thread.cancel()
        store.wait(self._thread, WAIT_SECONDS)

    def _log(self) -> None:
        item, is_closed, ended = "the trainings", False, 0
        try:
            client = store.connect(store.store_uri())
            while not is_closed:
                is_closed = self._closed.wait(UPDATE_SECONDS)
                for training in self._trainings[ended:]:
                    item = f"training of {training.config['name']}"
                    with store.lock(store.store_uri()):
                        # A training begins only after the previous one has ended.
                        ended += training.log(client)
        except Exception as error:  # MLflow and its stores raise many types
            store.warn_failed(item, error)
