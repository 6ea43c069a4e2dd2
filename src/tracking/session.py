"""What one stage has to log, sent to the store or kept."""

import shutil
import sys
import time
from pathlib import Path
from typing import Any

from src.common.errors import PipelineError
from src.common.paths import main_checkout
from src.models.record import Record, RunConfig
from src.tracking import registry, runs, spool
from src.tracking.origin import origin
from src.tracking.store import connect, store_uri, without_secrets


class Session:
    """Takes the messages of one stage; ``close`` tells, in one line, what no store took."""

    def __init__(self) -> None:
        self._origin = origin()
        self._run: runs.TrainingRun | None = None
        self._logged = False  # the training that goes on
        self._lost = ""  # why the store was given up
        self._kept: list[str] = []

    def warm_up(self) -> None:
        """Open the store, while there is nothing to log yet."""
        self._try(lambda: connect(store_uri()))

    def take(self, what: str, details: dict[str, Any]) -> None:
        """Do the method of the name ``what``."""
        {
            "begin": self.begin,
            "rows": self.rows,
            "end": self.end,
            "evaluation": self.evaluation,
            "comparison": self.comparison,
        }[what](**details)

    def begin(self, record: RunConfig, goes_on: bool = False) -> None:
        """A training begins; ``record`` is what ``training.json`` says as far as it is known.

        One that ``goes_on`` from a checkpoint may have been logged to its end: DVC was killed
        before it took the results.
        """

        def log() -> None:
            if goes_on and runs.find_same(self._client(), record, self._origin):
                self._logged = True
                return
            self._run = runs.TrainingRun(self._client(), record, self._origin, time.time())
            self._run.log_settings()
            self._run.watch_system()

        self._try(log)

    def rows(self, rows: list[dict[str, float]]) -> None:
        """Rows of the history, each with the time ``at`` which it came, in seconds since 1970."""
        if self._run:
            self._try(lambda: self._run.rows(rows))

    def end(self, folder: str) -> None:
        """The training that began has left its results in ``folder``."""
        if self._logged:
            return
        details = {"folder": folder, "end": time.time(), "origin": self._origin}
        run, self._run = self._run, None
        details["unfinished"] = run.id if run else None
        if not self._try(lambda: self._end(run, **details)):
            self._keep("end", details, f"training of {Path(folder).name}", Path(folder))

    def evaluation(self, folder: str, metrics: dict[str, float], pictures: dict[str, str]) -> None:
        """Test figures and pictures of the model in ``folder``."""
        details = {"folder": folder, "metrics": metrics, "pictures": pictures}
        details["origin"] = self._origin
        if not self._try(lambda: self._evaluation(**details)):
            what = f"test figures of {Path(folder).name}"
            self._keep("evaluation", details, what, Path(folder), pictures)

    def comparison(self, **details: Any) -> None:
        """The comparison, and its best model for the registry; see ``_comparison``."""
        details["origin"] = self._origin
        if not self._try(lambda: self._comparison(**details)):
            self._keep("comparison", details, "comparison")

    def close(self) -> None:
        """Send what is kept from earlier, and tell what is kept now."""
        if self._run:
            self._try(self._run.fail)
        if spool.any_kept() and not self._lost:
            self._try(self._send_kept)
        if self._kept:
            uri = without_secrets(store_uri())
            print(
                f"warning: not logged in MLflow yet: {', '.join(self._kept)}, to {uri} "
                f"({without_secrets(self._lost)}); kept in .unsent for the next stage, "
                "or `make send`; nothing else is lost",
                file=sys.stderr,
            )

    def send(self) -> None:
        """Send what is kept from earlier.

        Raises:
            PipelineError: the store does not take it.
        """
        self._try(self._send_kept)
        if self._lost:
            raise PipelineError(
                f"{without_secrets(store_uri())} does not take what is kept in .unsent "
                f"({without_secrets(self._lost)}); it stays there: try again when the store is "
                "well, or delete that folder to give it up"
            )

    def _client(self):
        return connect(store_uri())

    def _try(self, log) -> bool:
        """Whether ``log`` logged. A store that fails once is given up for this stage."""
        if self._lost:
            return False
        try:
            log()
        except Exception as error:
            while cause := error.__cause__ or error.__context__:
                error = cause  # the innermost says it shortest: "Connection refused"
            self._lost = " ".join(f"{type(error).__name__}: {error}".split())[:200]
            return False
        return True

    def _keep(
        self,
        what: str,
        details: dict[str, Any],
        told: str,
        folder: Path | None = None,
        files: dict[str, str] | None = None,
    ) -> None:
        spool.keep(what, details, folder, files or {})
        self._kept.append(told)

    def _send_kept(self) -> None:
        senders = {
            "end": lambda **details: self._end(None, **details),
            "evaluation": self._evaluation,
            "comparison": self._comparison,
        }
        with spool.unsent() as entries:
            for entry in entries:
                what, details = spool.read(entry)
                senders[what](**details)
                shutil.rmtree(entry)
        count = {0: "nothing", 1: "a message"}.get(len(entries), f"{len(entries)} messages")
        print(f"MLflow: sent {count} that had been kept in .unsent")

    def _end(
        self,
        run: runs.TrainingRun | None,
        folder: str,
        end: float,
        origin: dict[str, Any],
        unfinished: str | None,
    ) -> None:
        if run:
            run.end(Path(folder), end)
            return
        client = self._client()
        if unfinished:
            if client.get_run(unfinished).info.status == "FINISHED":
                return  # all had arrived but the answer
            client.delete_run(unfinished)
        runs.log_whole(client, Path(folder), origin, end)

    def _evaluation(
        self,
        folder: str,
        metrics: dict[str, float],
        pictures: dict[str, str],
        origin: dict[str, Any],
    ) -> None:
        runs.log_evaluation(self._client(), Path(folder), metrics, pictures, origin)

    def _comparison(
        self,
        records: dict[str, Record],
        results: dict[str, list[str]],
        table: dict[str, list[Any]],
        text: str,
        best: str,
        minimum: float,
        origin: dict[str, Any],
    ) -> None:
        client = self._client()
        runs.log_comparison(client, records, results, table, text, origin)
        from filelock import FileLock

        # The registry has no transactions: of two comparisons at once, one waits.
        with FileLock(main_checkout() / "mlflow.db.lock", timeout=60):
            done = registry.register(client, records[best], minimum)
        print(f"MLflow: {done}")
