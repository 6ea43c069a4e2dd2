"""What the background process does with the messages of a stage."""

import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from src.models.artifacts import load_record
from src.models.record import Environment, Record, RunConfig
from src.tracking.attempts import Attempts
from src.tracking.origin import Provenance, origin, save_provenance
from src.tracking.runs import TrainingRun, find_by_weights, remove_run
from src.tracking.store import lock
from src.tracking.sync import log_training, sync
from src.tracking.timing import write_timing


class StageLogger:
    """Logs a training while it runs, and what MLflow lacks; ``close`` reports what failed."""

    def __init__(self) -> None:
        self._origin = origin()
        self._attempts = Attempts()
        self._item = ""  # for the warning
        self._start = 0.0  # of the training, in seconds since 1970
        self._environment: Environment
        self._resumed = False
        self._run: TrainingRun | None = None
        self._run_id: str | None = None  # also of a run that could not be completed

    def connect(self) -> None:
        """Connect to the store before there is anything to log."""
        self._attempts.connect()

    def begin(self, config: RunConfig, environment: Environment, resumed: bool = False) -> None:
        """A training begins, or is ``resumed`` from a checkpoint."""
        self._item, self._start = f"training of {config['name']}", time.time()
        self._environment, self._resumed = environment, resumed

        def log(client: Any) -> None:
            run = TrainingRun(client, config, self._origin, self._start, environment)
            self._run_id = run.id
            run.begin(system_metrics=True)
            self._run = run

        self._attempts.run(self._item, log)

    def rows(self, rows: list[dict[str, float]]) -> None:
        """Rows of the history, each with the time ``at``, in seconds since 1970."""
        if run := self._run:
            self._attempts.run(self._item, lambda client: run.log_rows(rows))

    def end(self, folder: str, seconds: list[float]) -> None:
        """The training has written its output files to ``folder``.

        ``seconds`` are the durations of the rows of the history.
        """
        record = load_record(Path(folder))
        note = Provenance(
            start=self._start,
            end=time.time(),
            seconds=seconds,
            environment=self._environment,
            origin=self._origin,
            run_id=self._run_id,
        )
        with suppress(OSError):  # the training is logged now; only a later `sync` needs the note
            save_provenance(record, note)
        run, self._run = self._run, None

        def log(client: Any) -> None:
            with lock(client.tracking_uri):
                if run and self._resumed and self._is_logged(client, record):
                    run.fail()
                    remove_run(client, run.id)
                elif run:
                    run.finish(Path(folder), note["end"], seconds)
                else:
                    log_training(client, Path(folder))

        self._attempts.run(self._item, log)
        write_timing()

    def _is_logged(self, client: Any, record: Record) -> bool:
        """Whether DVC was killed after a training was logged, before it cached the results."""
        found = find_by_weights(client, record)
        return found and found.data.tags.get("dvc_exp") == self._origin["experiment"]

    def sync(self, comparison: bool = False) -> None:
        """Log what MLflow lacks; see ``sync.sync``."""
        sync(self._attempts, comparison)

    def close(self) -> None:
        """Mark a training without an end as failed; warn about what is not logged."""
        if self._run:
            self._run.fail()
        self._attempts.report()
