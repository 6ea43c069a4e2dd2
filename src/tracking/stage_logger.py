"""What the background process does with the messages of a stage."""

import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from src.models.artifacts import load_record
from src.models.record import RunConfig
from src.tracking import provenance
from src.tracking.attempts import Attempts
from src.tracking.origin import origin
from src.tracking.runs import TrainingRun, find_by_settings
from src.tracking.store import lock
from src.tracking.sync import log_training, sync


class StageLogger:
    """Logs a training while it runs, and what MLflow lacks; ``close`` reports what failed."""

    def __init__(self) -> None:
        self._origin = origin()
        self._attempts = Attempts()
        self._item = ""  # for the warning
        self._start = 0.0  # of the training, in seconds since 1970
        self._run: TrainingRun | None = None
        self._run_id: str | None = None  # also of a run that could not be completed
        self._is_logged = False

    def connect(self) -> None:
        """Connect to the store before there is anything to log."""
        self._attempts.connect()

    def handle(self, message: str, arguments: dict[str, Any]) -> None:
        """Call the method that the message names."""
        methods = {"begin": self.begin, "rows": self.rows, "end": self.end, "sync": self.sync}
        methods[message](**arguments)

    def begin(self, config: RunConfig, resumed: bool = False) -> None:
        """A training begins.

        Args:
            config: the part of ``training.json`` that is known.
            resumed: whether from a checkpoint. Then the training may have been logged to its end,
                if DVC was killed before it cached the results.
        """
        self._item, self._start = f"training of {config['name']}", time.time()

        def log(client: Any) -> None:
            if resumed and find_by_settings(client, config, self._origin["experiment"]):
                self._is_logged = True
                return
            run = TrainingRun(client, config, self._origin, self._start)
            self._run_id = run.id
            run.begin(system_metrics=True)
            self._run = run

        self._attempts.run(self._item, log)

    def rows(self, rows: list[dict[str, float]]) -> None:
        """Rows of the history, each with the time ``at``, in seconds since 1970."""
        if run := self._run:
            self._attempts.run(self._item, lambda client: run.log_rows(rows))

    def end(self, folder: str) -> None:
        """The training has written its output files to ``folder``."""
        if self._is_logged:
            return
        record = load_record(Path(folder))
        run, self._run = self._run, None
        note: provenance.Provenance = {
            "start": self._start,
            "end": time.time(),
            "origin": self._origin,
            "run_id": self._run_id,
        }
        with suppress(OSError):  # the training is logged now; only a later `sync` needs the note
            provenance.save(record, note)

        def log(client: Any) -> None:
            with lock(client.tracking_uri):
                if run:
                    run.finish(Path(folder), note["end"])
                else:
                    log_training(client, Path(folder))

        self._attempts.run(self._item, log)

    def sync(self, comparison: bool = False) -> None:
        """Log what MLflow lacks; see ``sync.sync``."""
        sync(self._attempts, comparison)

    def close(self) -> None:
        """Mark a training without an end as failed; warn about what is not logged."""
        if self._run:
            self._run.fail()
        self._attempts.report()
