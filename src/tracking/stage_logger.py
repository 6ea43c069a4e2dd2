"""What the background process does with the messages of a stage."""

from pathlib import Path
from typing import Any

from src.models.artifacts import load_record
from src.models.record import Environment, RunConfig
from src.tracking.attempts import Attempts
from src.tracking.existing_runs import find_by_weights, is_active, is_of, remove_run
from src.tracking.origin import Origin, Provenance
from src.tracking.runs import TrainingRun
from src.tracking.store import lock
from src.tracking.sync import log_training, sync
from src.tracking.timing import write_timing


class StageLogger:
    """Logs a training while it runs, and what MLflow lacks; ``close`` reports what failed.

    The arguments of its methods come from ``StageMessages``.
    """

    def __init__(self) -> None:
        self._attempts = Attempts()
        self._item = ""  # for the warning
        self._complete = False
        self._run: TrainingRun | None = None

    def connect(self) -> None:
        """Connect to the store before there is anything to log."""
        self._attempts.connect()

    def begin(
        self,
        config: RunConfig,
        environment: Environment,
        start: float,
        origin: Origin,
        complete: bool = False,
    ) -> None:
        """A training began at ``start``; if it is ``complete``, an earlier process ended it."""
        self._item, self._complete = f"training of {config['name']}", complete
        if complete:
            return

        def log(client: Any) -> None:
            run = TrainingRun(client, config, origin, start, environment)
            run.begin(system_metrics=True)
            self._run = run

        self._attempts.run(self._item, log)

    def rows(self, rows: list[dict[str, float]]) -> None:
        """Rows of the history, each with the time ``at``, in seconds since 1970."""
        if run := self._run:
            self._attempts.run(self._item, lambda client: run.log_rows(rows))

    def end(self, folder: str, note: Provenance) -> None:
        """The training has written its output files to ``folder``."""
        record = load_record(Path(folder))
        run, self._run = self._run, None

        def log(client: Any) -> None:
            with lock(client.tracking_uri):
                found = find_by_weights(client, record)
                is_logged = found and self._is_this(found, note)
                if run and not is_logged and is_active(client, run.id):
                    run.finish(Path(folder), note["end"], note["seconds"])
                    return
                if run:  # not wanted any more, or deleted in MLflow
                    run.fail()
                    remove_run(client, run.id)
                if not is_logged:
                    log_training(client, Path(folder), note)

        self._attempts.run(self._item, log)
        write_timing()

    def _is_this(self, found: Any, note: Provenance) -> bool:
        """Whether this training is logged: by another process, or when it ended."""
        return self._complete or is_of(found, note)

    def sync(self, comparison: bool = False) -> None:
        """Log what MLflow lacks; see ``sync.sync``."""
        sync(self._attempts, comparison)

    def close(self) -> None:
        """Mark a training without an end as failed; warn about what is not logged."""
        if self._run:
            self._run.fail()
        self._attempts.report()
